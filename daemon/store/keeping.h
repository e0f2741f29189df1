// What of a store is with the keeper, by name: its state, its index and each of its segments. The state is the last
// that comes and the first that goes, so that all that it names is there.
#pragma once

#include "daemon/base/keeper.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace uakv {

class Keeping {
public:
    // Null: nothing is kept, and all of this does nothing.
    Keeping(Keeper *keeper, std::string tenant, std::string title)
        : keeper_(keeper), tenant_(std::move(tenant)), title_(std::move(title)) {}

    static std::string state_name(std::string_view tenant) { return name(tenant, "state"); }
    static std::string index_name(std::string_view tenant) { return name(tenant, "index"); }
    static std::string segment_name(std::string_view tenant, std::uint32_t number) {
        return name(tenant, std::to_string(number));
    }

    // A store that was just made. What cannot be kept is no reason not to serve: then nothing of it is.
    void begin(const Fd &index, const Fd &state);

    // Another segment, before the state counts it.
    void add_segment(const Fd &fd);

    // This much is kept already.
    void go_on(std::uint32_t segments) { state_ = index_ = keeper_ != nullptr, segments_ = segments; }

    // Nothing of it is kept any more: the next daemon begins with nothing.
    void end();

    // All that is there of the tenant's store, whoever left it: taken out of `kept`, and not kept any more. How many.
    static std::size_t clear_out(Keeper *keeper, KeptFds &kept, std::string_view tenant);

private:
    static std::string name(std::string_view tenant, std::string_view what) {
        return "t." + std::string(tenant) + "." + std::string(what);
    }
    bool keep(const std::string &name, const Fd &fd);

    Keeper *keeper_;
    std::string tenant_; // the name that the store has with its keeper
    std::string title_;
    bool state_ = false;
    bool index_ = false;
    std::uint32_t segments_ = 0;
};

} // namespace uakv
