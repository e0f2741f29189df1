// What a client has open when its daemon ends - blocks, views, slots - is its own at the next one, until it lets go.
#include "restart/connected.h"
#include "support/async.h"
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/keeper.h"
#include "support/pattern.h"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 20'000;

// In which blocks soon have to make room.
DaemonOptions small_memory() {
    DaemonOptions options;
    options.memory = "16MiB";
    return options;
}

void store_all(uakv_space *space, const std::vector<uakv_key> &keys) {
    for (const uakv_key &key : keys) {
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    }
}

void check_all(uakv_space *space, const std::vector<uakv_key> &keys) {
    for (const uakv_key &key : keys) {
        check_stored(space, key, block_bytes);
    }
}

// Stores until blocks of before have had to leave.
void fill_memory(const Connected &connected, const std::string &name) {
    const uint64_t before = connected.statistics().evictions;
    for (uint64_t i = 0; connected.statistics().evictions < before + 200; ++i) {
        const uakv_status status = store_block(connected.space(), make_key(name, i), block_bytes);
        CHECK_MESSAGE(status == UAKV_OK || status == UAKV_EXISTS, last_error());
    }
}

void blocks_are_there() {
    KeptDaemon daemon;
    const Connected connected(daemon);
    const std::vector<uakv_key> keys = make_keys("block", 200);
    store_all(connected.space(), keys);
    daemon.kill();
    check_all(connected.space(), keys);
    daemon.start();
    CHECK_EQ(connected.statistics().blocks, keys.size());
    check_all(connected.space(), keys);
    const Connected other(daemon);
    check_all(other.space(), keys);
    CHECK_STATUS(store_block(other.space(), keys[0], block_bytes), UAKV_EXISTS);
    daemon.stop();
    check_all(connected.space(), keys);
    daemon.start();
    CHECK_EQ(connected.statistics().blocks, keys.size());
    check_all(connected.space(), keys);
}

// The new daemon is short of memory, and still nobody writes where the view is read.
void held_views() {
    KeptDaemon daemon(small_memory());
    const Connected connected(daemon);
    const std::vector<uakv_key> keys = make_keys("viewed", 20);
    store_all(connected.space(), keys);
    std::vector<uakv_view> views(keys.size());
    CHECK_STATUS(uakv_retrieve_many(connected.space(), keys.data(), keys.size(), views.data(), nullptr), UAKV_OK);
    for (uint64_t round = 0; round < 2; ++round) {
        if (round == 0) {
            daemon.stop();
            daemon.start();
        } else {
            daemon.restart();
        }
        CHECK_EQ(connected.statistics().leases, keys.size());
        size_t removed = 0;
        CHECK_STATUS(uakv_remove(connected.space(), keys.data(), keys.size() / 2, &removed), UAKV_OK);
        fill_memory(connected, "filling" + std::to_string(round));
        for (size_t i = 0; i < keys.size(); ++i) {
            check_block(views[i].data, views[i].nbytes, keys[i]);
        }
    }
    for (uakv_view &view : views) {
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
    }
    await_equal("leases that count", 0U, [&] { return connected.statistics().leases; });
    fill_memory(connected, "at the end");
}

// The old session goes as soon as the client has nothing open there.
void who_has_nothing_open() {
    KeptDaemon daemon;
    const Connected connected(daemon);
    CHECK_STATUS(store_block(connected.space(), make_key("block"), block_bytes), UAKV_OK);
    for (int round = 0; round < 3; ++round) {
        daemon.restart();
        connected.statistics();
        await_equal("sessions that are kept", 1U, [&] { return sessions_kept(daemon); });
    }
    CHECK(connected.statistics().slots_granted <= 1); // one ahead
}

void reserved_slots() {
    KeptDaemon daemon;
    const Connected connected(daemon);
    const uakv_key first = make_key("first"), second = make_key("second"), third = make_key("third");
    uakv_slot committed, later, aborted;
    CHECK_STATUS(uakv_reserve(connected.space(), &first, block_bytes, nullptr, &committed), UAKV_OK);
    CHECK_STATUS(uakv_reserve(connected.space(), &second, block_bytes, nullptr, &later), UAKV_OK);
    CHECK_STATUS(uakv_reserve(connected.space(), &third, block_bytes, nullptr, &aborted), UAKV_OK);
    fill_block(committed.data, block_bytes, first);
    daemon.restart();
    connected.statistics();
    CHECK_STATUS(uakv_commit(&committed), UAKV_OK);
    check_stored(connected.space(), first, block_bytes);
    fill_block(later.data, block_bytes, second);
    daemon.restart();
    connected.statistics();
    check_stored(connected.space(), first, block_bytes);
    CHECK_STATUS(uakv_commit(&later), UAKV_OK);
    CHECK_STATUS(uakv_abort(&aborted), UAKV_OK);
    const Connected other(daemon);
    check_stored(other.space(), first, block_bytes);
    check_stored(other.space(), second, block_bytes);
    CHECK(!contains(other.space(), third));
    await_equal("sessions that are kept", 2U, [&] { return sessions_kept(daemon); });
}

// The slot of a commit that comes second is the new session's from then on, also for the daemon after that.
void reserved_and_stored_by_another() {
    KeptDaemon daemon;
    const Connected connected(daemon), other(daemon);
    const uakv_key key = make_key("both");
    uakv_slot slot;
    CHECK_STATUS(uakv_reserve(connected.space(), &key, block_bytes, nullptr, &slot), UAKV_OK);
    fill_block(slot.data, block_bytes, key);
    daemon.restart();
    other.statistics();
    CHECK_STATUS(store_block(other.space(), key, block_bytes), UAKV_OK);
    connected.statistics();
    CHECK_STATUS(uakv_commit(&slot), UAKV_EXISTS);
    daemon.restart();
    connected.statistics();
    check_stored(connected.space(), key, block_bytes);
    CHECK_STATUS(store_block(connected.space(), make_key("next"), block_bytes), UAKV_OK);
    check_stored(connected.space(), make_key("next"), block_bytes);
}

// Also by the asynchronous calls, and where single flight has given it.
void slots_of_other_calls() {
    KeptDaemon daemon;
    const Connected connected(daemon);
    Polled polled(connected.client());
    const uakv_key first = make_key("asynchronous"), second = make_key("flight");
    uakv_slot slot, computed;
    uakv_view view;
    CHECK_STATUS(uakv_reserve(connected.space(), &first, block_bytes, nullptr, &slot), UAKV_OK);
    CHECK_STATUS(uakv_retrieve_or_reserve(connected.space(), &second, block_bytes, 1000, &view, &computed), UAKV_MISS);
    fill_block(slot.data, block_bytes, first);
    fill_block(computed.data, block_bytes, second);
    daemon.kill();
    CHECK_STATUS(store_block(connected.space(), make_key("other"), block_bytes), UAKV_ERR_DISCONNECTED);
    CHECK_STATUS(uakv_commit_submit(&slot, 1), UAKV_ERR_DISCONNECTED); // it is open still
    daemon.start();
    connected.statistics();
    polled.submitted(uakv_commit_submit(&slot, 2));
    CHECK_STATUS(polled.next(UAKV_CALL_COMMIT, 2).status, UAKV_OK);
    CHECK_STATUS(uakv_commit(&computed), UAKV_OK);
    check_stored(connected.space(), first, block_bytes);
    check_stored(connected.space(), second, block_bytes);
}

// Views that are released, and a client that dies, while nobody serves.
void while_no_daemon_is_there() {
    KeptDaemon daemon(small_memory());
    const Connected connected(daemon);
    const uakv_key key = make_key("viewed");
    CHECK_STATUS(store_block(connected.space(), key, block_bytes), UAKV_OK);
    uakv_view view;
    CHECK_STATUS(uakv_retrieve(connected.space(), &key, nullptr, &view), UAKV_OK);
    Child dying([&] {
        const Connected own(daemon);
        uakv_view held;
        uakv_slot slot;
        const uakv_key reserved = make_key("reserved");
        CHECK_STATUS(uakv_retrieve(own.space(), &key, nullptr, &held), UAKV_OK);
        CHECK_STATUS(uakv_reserve(own.space(), &reserved, block_bytes, nullptr, &slot), UAKV_OK);
        raise(SIGSTOP);
    });
    int status = 0;
    CHECK(waitpid(dying.pid(), &status, WUNTRACED) == dying.pid() && WIFSTOPPED(status));
    CHECK_EQ(connected.statistics().leases, 2);
    daemon.kill();
    CHECK_EQ(sessions_kept(daemon), 2);
    ::kill(dying.pid(), SIGKILL);
    CHECK_EQ(dying.end(), "signal 9 (Killed)");
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    daemon.start();
    await_equal("leases that count", 0U, [&] { return connected.statistics().leases; });
    await_equal("sessions that are kept", 1U, [&] { return sessions_kept(daemon); });
    CHECK(connected.statistics().slots_granted <= 1);
    fill_memory(connected, "filling");
}

// A child has copies of all descriptors; what its parent lets go of ends all the same, and what it holds stays.
void a_forked_child() {
    KeptDaemon daemon(small_memory());
    const Connected connected(daemon);
    const uakv_key key = make_key("viewed");
    CHECK_STATUS(store_block(connected.space(), key, block_bytes), UAKV_OK);
    uakv_view view;
    CHECK_STATUS(uakv_retrieve(connected.space(), &key, nullptr, &view), UAKV_OK);
    Child idle([] {
        for (;;) {
            pause();
        }
    });
    daemon.restart();
    CHECK_EQ(connected.statistics().leases, 1);
    CHECK_STATUS(uakv_remove(connected.space(), &key, 1, nullptr), UAKV_OK);
    fill_memory(connected, "filling");
    check_block(view.data, view.nbytes, key);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    await_equal("sessions that are kept", 1U, [&] { return sessions_kept(daemon); });
    CHECK_EQ(connected.statistics().leases, 0);
}

// A session whose memory is not there, or is none: nobody knows what its client reads, so nothing is used again.
void a_session_that_is_missing() {
    KeptDaemon daemon;
    const Connected connected(daemon);
    const uakv_key key = make_key("viewed");
    CHECK_STATUS(store_block(connected.space(), key, block_bytes), UAKV_OK);
    uakv_view view;
    CHECK_STATUS(uakv_retrieve(connected.space(), &key, nullptr, &view), UAKV_OK);
    daemon.kill();
    const std::vector<std::string> names = daemon.manager().names();
    const auto memory =
        std::find_if(names.begin(), names.end(), [](const std::string &name) { return name.front() == 'm'; });
    CHECK(memory != names.end());
    daemon.manager().lose(*memory);
    daemon.start();
    CHECK_EQ(connected.statistics().blocks, 0);
    CHECK(daemon.log().find("begins with an empty memory") != std::string::npos);
    check_block(view.data, view.nbytes, key);
    CHECK_STATUS(uakv_release(&view), UAKV_OK);
    CHECK_STATUS(store_block(connected.space(), key, block_bytes), UAKV_OK);
    check_stored(connected.space(), key, block_bytes);
    await_equal("sessions that are kept", 1U, [&] { return sessions_kept(daemon); });
}

// An operator's lease_max_age is for clients of daemons before as well: who holds everything, and is idle, loses it.
void views_that_are_too_old() {
    const Directory directory;
    const std::string path = directory.path() + "/uakvd.yaml";
    std::ofstream(path) << "tenants:\n  - {name: default, users: [" << geteuid() << "], lease_max_age: 200ms}\n";
    DaemonOptions options = small_memory();
    options.environment.emplace_back("UAKV_CONFIG", path);
    KeptDaemon daemon(options);
    const Connected holder(daemon), other(daemon);
    await("all memory", [&] { return other.statistics().bytes_memory == other.statistics().bytes_capacity; });
    std::vector<uakv_view> views;
    for (uint64_t i = 0;; ++i) {
        const uakv_key key = make_key("viewed", i);
        if (store_block(holder.space(), key, block_bytes) != UAKV_OK) {
            break;
        }
        CHECK_STATUS(uakv_retrieve(holder.space(), &key, nullptr, &views.emplace_back()), UAKV_OK);
    }
    CHECK(views.size() > 100);
    daemon.restart();
    CHECK_EQ(other.statistics().leases, views.size());
    const uakv_key key = make_key("wanted");
    await("the views are taken back", [&] {
        const uakv_status status = store_block(other.space(), key, block_bytes);
        CHECK(status == UAKV_OK || status == UAKV_ERR_NO_SPACE);
        return status == UAKV_OK;
    });
    check_stored(other.space(), key, block_bytes);
    CHECK_EQ(other.statistics().sessions_revoked, 1);
    CHECK_EQ(other.statistics().leases, 0);
    CHECK(daemon.log().find("of a daemon before") != std::string::npos);
    CHECK_STATUS(uakv_release(&views[0]), UAKV_ERR_REVOKED); // on the attachment that it has still
    check_stored(holder.space(), key, block_bytes);          // on a new one
    for (size_t i = 1; i < views.size(); ++i) {
        CHECK_STATUS(uakv_release(&views[i]), UAKV_ERR_REVOKED);
    }
    await_equal("sessions that are kept", 2U, [&] { return sessions_kept(daemon); });
    CHECK_STATUS(store_block(holder.space(), make_key("after"), block_bytes), UAKV_OK);
    check_stored(holder.space(), make_key("after"), block_bytes);
}

constexpr Case cases[] = {
    {"blocks_are_there", blocks_are_there},
    {"held_views", held_views},
    {"who_has_nothing_open", who_has_nothing_open},
    {"reserved_slots", reserved_slots},
    {"reserved_and_stored_by_another", reserved_and_stored_by_another},
    {"slots_of_other_calls", slots_of_other_calls},
    {"while_no_daemon_is_there", while_no_daemon_is_there},
    {"a_forked_child", a_forked_child},
    {"a_session_that_is_missing", a_session_that_is_missing},
    {"views_that_are_too_old", views_that_are_too_old},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("kept_sessions", uakv::test::cases);
}
