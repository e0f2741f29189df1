// What the stand-in knows of its process: options, devices, faults, and whether cuInit was called.
#pragma once

#include "support/fakecuda/calls.h"
#include "support/fakecuda/options.h"

#include <array>
#include <atomic>
#include <map>
#include <mutex>

#include <sys/types.h>

namespace uakv::fakecuda {

struct FakeDevice {
    int number = 0; // the same in all processes, while ordinals are not
    Uuid uuid = {};
    std::map<int, int> attributes;
};

class Process {
public:
    static Process &get(); // never destroyed: calls may come while the process ends

    void configure(const char *text);
    const Options &options() const { return options_; }

    Status init();
    bool is_initialised() const;
    bool is_forked() const; // of a process that had called cuInit

    int devices() const { return static_cast<int>(devices_.size()); }
    bool has_device(int ordinal) const { return ordinal >= 0 && ordinal < devices(); }
    const FakeDevice &device(int ordinal) const { return devices_[static_cast<std::size_t>(ordinal)]; }
    int ordinal_of(const Uuid &uuid) const; // -1: not visible here
    void set_attribute(int ordinal, int attribute, int value);
    int attribute(int ordinal, int attribute) const; // 0 where it was never set

    // Counts a call, and says what it gives: success, or what an injected fault wants.
    Status enter(Id id);
    void fail(const std::string &function, unsigned nth, bool and_later, Status status);
    void mend();
    std::uint64_t calls(const std::string &function) const;

private:
    struct Fault {
        std::uint64_t first, last; // by the count of the function's calls
        Status status;
    };

    Process();
    void apply();

    mutable std::mutex mutex_;
    Options options_;
    std::vector<FakeDevice> devices_;
    std::atomic<pid_t> initialised_ = 0;
    std::array<std::uint64_t, ids> calls_ = {};
    std::array<std::vector<Fault>, ids> faults_;
};

// The entries of a function, by the driver's name or the field's: two for the batch of copies.
std::vector<Id> ids_of(const std::string &function);

} // namespace uakv::fakecuda
