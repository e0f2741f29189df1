// The keys of the disk tier: what each says, and what comes of them once all sources have spoken. For assemble.cc.
#pragma once

#include "daemon/config/sources.h"
#include "daemon/config/tenants_config.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace uakv {

class DiskConfig {
public:
    // What is taken from here on comes from a stronger source.
    void begin_source() { ++source_; }
    unsigned source() const { return source_; }

    // False: it is no key of the disk.
    bool take(const Given &given, Complaints &complaints);

    // Fills settings.disk, but for the size of a file. Without enable_persistence there is none, and who gave other
    // keys of it hears so.
    void settle(Settings &settings, Origins &origins, Complaints &complaints);

    // What each tenant has of it, and the size of a file: each has room for several.
    void settle_tenants(Settings &settings, Complaints &complaints) const;

    // Why that source must not give keys of the disk. A false of its own or of a stronger one is there on purpose, and
    // leaves such keys as they are for the day when it goes.
    std::optional<std::string> objection(unsigned source) const;

private:
    struct Said {
        Given given;
        unsigned source;
    };

    bool take_limits(const Given &given, Complaints &complaints);
    void settle_size(DiskSettings &disk, Origins &origins, Complaints &complaints);

    DiskSettings disk_;
    unsigned source_ = 0;
    std::map<KeyId, Said> said_; // of each key the last that was given
    bool on_ = false;
    bool unclear_ = false; // whether it is on: what was said is neither true nor false
    std::optional<std::string> path_;
    std::optional<Given> size_, floor_;
    std::optional<std::uint64_t> file_bytes_;
};

// What is good and may still not be meant: more than the file system has, or a floor above what is free.
std::vector<std::string> disk_notes(const DiskSettings &disk);

} // namespace uakv
