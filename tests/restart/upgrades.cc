// The next daemon is of another release: one whose layout of the state this one goes on with, and back; and those that
// begin with nothing, say so, and leave nothing of it with the keeper.
#include "restart/connected.h"
#include "support/check.h"
#include "support/client.h"
#include "support/keeper.h"
#include "support/pattern.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <unistd.h>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 20'000;
const std::string this_build = THIS;

// Of daemon/store/state_layout.h.
constexpr off_t major_offset = 8;
constexpr off_t minor_offset = 12;
constexpr off_t unknown_offset = 320; // nobody knows what stands there

template <typename T> T state_word(KeptDaemon &daemon, off_t offset) {
    T value{};
    CHECK(pread(daemon.manager().descriptor("t.default.state"), &value, sizeof value, offset) == sizeof value);
    return value;
}

// Of the cache itself, in the order of their names: each once.
std::vector<std::string> store_names(KeptDaemon &daemon) {
    std::vector<std::string> names = daemon.manager().names();
    std::erase_if(names, [](const std::string &name) { return !name.starts_with("t."); });
    std::sort(names.begin(), names.end());
    return names;
}

// The state, the index and the segments of a store of 64 MiB: all is made, and the manager has heard of it.
void await_all_kept(KeptDaemon &daemon) {
    await_equal("descriptors of the store that are kept", 34U, [&] { return store_names(daemon).size(); });
}

void end(KeptDaemon &daemon, bool in_order) {
    in_order ? daemon.stop() : daemon.kill();
}

// What a client has open when its daemon ends.
struct Held {
    Held(uakv_space *space, const std::string &name) : viewed(make_key("viewed", 0)), reserved(make_key(name, 0)) {
        const uakv_status status = store_block(space, viewed, block_bytes);
        CHECK(status == UAKV_OK || status == UAKV_EXISTS);
        CHECK_STATUS(uakv_retrieve(space, &viewed, nullptr, &view), UAKV_OK);
        CHECK_STATUS(uakv_reserve(space, &reserved, block_bytes, nullptr, &slot), UAKV_OK);
        fill_block(slot.data, block_bytes, reserved);
    }
    void check_view_and_release() {
        check_block(view.data, view.nbytes, viewed);
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
    }

    uakv_key viewed, reserved;
    uakv_view view{};
    uakv_slot slot{};
};

// All goes on, whoever comes after whom and however it ended; and what is not understood stays as it is.
void newer_and_back() {
    KeptDaemon daemon;
    const Connected connected(daemon);
    await_all_kept(daemon);
    std::vector<uakv_key> keys = make_keys("block", 100);
    for (const uakv_key &key : keys) {
        CHECK_STATUS(store_block(connected.space(), key, block_bytes), UAKV_OK);
    }
    const std::vector<std::string> kept = store_names(daemon);
    const uint64_t unknown = 0x1122334455667788;
    CHECK(pwrite(daemon.manager().descriptor("t.default.state"), &unknown, sizeof unknown, unknown_offset) ==
          sizeof unknown);
    const std::pair<std::string, bool> steps[] = {// two that are killed in a row; with a third one it begins anew
                                                  {NEWER, true},      {this_build, false}, {NEWER, false},
                                                  {this_build, true}, {NEWER, true},       {this_build, false}};
    CHECK_EQ(state_word<uint32_t>(daemon, minor_offset), STATE_MINOR);
    for (const auto &[next, in_order] : steps) {
        Held held(connected.space(), "reserved" + std::to_string(keys.size()));
        end(daemon, in_order);
        daemon.start(next);
        const uakv_statistics statistics = connected.statistics();
        CHECK_EQ(statistics.blocks, keys.size() + 1);
        CHECK_EQ(statistics.leases, 1);
        CHECK_EQ(state_word<uint32_t>(daemon, minor_offset), next == this_build ? STATE_MINOR : STATE_MINOR + 1);
        CHECK_EQ(state_word<uint64_t>(daemon, unknown_offset), unknown);
        CHECK_STATUS(uakv_commit(&held.slot), UAKV_OK);
        held.check_view_and_release();
        keys.push_back(held.reserved);
        for (const uakv_key &key : keys) {
            check_stored(connected.space(), key, block_bytes);
        }
        await_equal("sessions that are kept", 1U, [&] { return sessions_kept(daemon); });
        CHECK(store_names(daemon) == kept);
    }
    CHECK(daemon.log().find("empty memory") == std::string::npos);
}

// Views stay, what was reserved is lost, and all else is as with a daemon that was never there before.
void check_cold(KeptDaemon &daemon, const Connected &connected, Held &held, const std::vector<std::string> &kept) {
    CHECK_EQ(connected.statistics().blocks, 0);
    check_block(held.view.data, held.view.nbytes, held.viewed);
    CHECK_STATUS(uakv_commit(&held.slot), UAKV_ERR_DISCONNECTED);
    CHECK(!contains(connected.space(), held.viewed));
    CHECK_STATUS(store_block(connected.space(), held.reserved, block_bytes), UAKV_OK);
    check_stored(connected.space(), held.reserved, block_bytes);
    held.check_view_and_release();
    await_all_kept(daemon);
    CHECK(store_names(daemon) == kept);
    await_equal("sessions that are kept", 1U, [&] { return sessions_kept(daemon); });
    CHECK_EQ(daemon.manager().names().size(), kept.size() + 3);
}

// The last cold start was for this reason.
void check_said(const KeptDaemon &daemon, const std::string &reason) {
    const std::string log = daemon.log();
    const size_t line = log.rfind("begins with an empty memory");
    CHECK(line != std::string::npos);
    const std::string text = log.substr(line, log.find('\n', line) - line);
    CHECK_MESSAGE(text.find(reason) != std::string::npos, "\"" + reason + "\" is not in: " + text);
    CHECK(text.find("have to be computed again") != std::string::npos);
}

void another_state() {
    for (const bool in_order : {true, false}) {
        KeptDaemon daemon;
        const Connected connected(daemon);
        await_all_kept(daemon);
        const std::vector<std::string> kept = store_names(daemon);
        const std::string found = std::to_string(STATE_MAJOR) + "." + std::to_string(STATE_MINOR);
        const std::string next = std::to_string(STATE_MAJOR + 1);

        Held first(connected.space(), "reserved");
        end(daemon, in_order);
        daemon.start(OTHER);
        check_cold(daemon, connected, first, kept);
        check_said(daemon, "its state has layout " + found + ", and this daemon reads " + next + ".x");
        CHECK_EQ(state_word<uint32_t>(daemon, major_offset), STATE_MAJOR + 1);

        Held second(connected.space(), "reserved again");
        end(daemon, in_order);
        daemon.start(this_build);
        check_cold(daemon, connected, second, kept);
        check_said(daemon, "its state has layout " + next + "." + std::to_string(STATE_MINOR) +
                               ", and this daemon reads " + std::to_string(STATE_MAJOR) + ".x");

        daemon.restart(); // from there on it goes on as ever
        connected.statistics();
        check_stored(connected.space(), second.reserved, block_bytes);
    }
}

// Of a release that this library does not know: nothing of this client is left there.
void check_refused(KeptDaemon &daemon, const Connected &connected, const Held &held,
                   const std::vector<std::string> &kept) {
    uakv_client *refused = nullptr;
    CHECK_STATUS(connect_to(daemon.socket_path(), 0, 0, &refused), UAKV_ERR_VERSION);
    CHECK_STATUS(store_block(connected.space(), make_key("refused"), block_bytes), UAKV_ERR_DISCONNECTED);
    check_block(held.view.data, held.view.nbytes, held.viewed);
    await("all memory", [&] { return store_names(daemon) == kept; });
    await_equal("sessions that are kept", 0U, [&] { // an attempt that was slow ends with the next call
        CHECK_STATUS(store_block(connected.space(), make_key("refused"), block_bytes), UAKV_ERR_DISCONNECTED);
        return sessions_kept(daemon);
    });
    CHECK_EQ(daemon.manager().names().size(), kept.size());
}

void another_index() {
    KeptDaemon daemon;
    const Connected connected(daemon);
    await_all_kept(daemon);
    const std::vector<std::string> kept = store_names(daemon);
    const std::string now = std::to_string(INDEX_VERSION), next = std::to_string(INDEX_VERSION + 1);
    Held held(connected.space(), "reserved");
    daemon.kill();
    daemon.start(INDEX);
    check_said(daemon, "its index has layout " + now + ", and this daemon goes on with " + next + " alone");
    check_refused(daemon, connected, held, kept);
    daemon.kill();
    daemon.start(this_build);
    check_said(daemon, "its index has layout " + next + ", and this daemon goes on with " + now + " alone");
    check_cold(daemon, connected, held, kept);
}

void another_session() {
    KeptDaemon daemon;
    const Connected connected(daemon);
    await_all_kept(daemon);
    const std::vector<std::string> kept = store_names(daemon);
    Held held(connected.space(), "reserved");
    daemon.kill();
    daemon.start(SESSION);
    check_said(daemon, "what its clients read and hold cannot be told");
    CHECK(daemon.log().find("is no session of layout " + std::to_string(SESSION_VERSION + 1)) != std::string::npos);
    CHECK(daemon.log().find("and says " + std::to_string(SESSION_VERSION)) != std::string::npos);
    check_refused(daemon, connected, held, kept);
    daemon.kill();
    daemon.start(this_build); // which finds no session, and goes on with what there is: nothing
    check_cold(daemon, connected, held, kept);
}

constexpr Case cases[] = {
    {"newer_and_back", newer_and_back},
    {"another_state", another_state},
    {"another_index", another_index},
    {"another_session", another_session},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("upgrades", uakv::test::cases);
}
