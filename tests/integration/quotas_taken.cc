// Quotas of clients, descriptors, slots and operations are hard, and all of it is free again when the greedy are gone.
#include "support/pattern.h"
#include "support/process.h"
#include "two_quotas.h"

#include <atomic>
#include <chrono>

namespace uakv::test {
namespace {

using Clock = std::chrono::steady_clock;

// ---- clients, descriptors, slots ----------------------------------------------------------------------------------

void check_places(const Daemon &daemon, const char *words) {
    const Guest first(daemon);
    {
        const Guest second(daemon);
        check_denied(daemon, "chat", words);
        const Client other(daemon, "batch"); // has places of its own
    }
    Shared<std::atomic<int>> connected;
    Child child([&] {
        const Guest second(daemon);
        ++*connected;
        pause();
    });
    child.await("the child has the place", [&] { return *connected == 1; });
    check_denied(daemon, "chat", words);
    check_denied(daemon, "chat", words); // a refusal takes nothing
    child.kill();
    const Guest second(daemon);
    check_denied(daemon, "chat", words);
}

void clients() {
    check_places(TwoTenants("    clients: 2\n"), "2 clients of its tenant are in use, of 2");
}

void descriptors() {
    check_places(TwoTenants("    descriptors: 14\n"), "10 descriptors for its tenant are in use, of 14");
}

// Exactly as many of the greedy get in as may, whoever they are.
void clients_at_once() {
    const TwoTenants daemon("    clients: 3\n");
    Shared<std::atomic<int>> in, out;
    const auto greedy = start_greedy([&](int) {
        for (int refused_of_full = 0; refused_of_full < 100;) {
            refused_of_full += *in == 3 ? 1 : 0;
            uakv_client *client = nullptr;
            const uakv_status status = connect_to_tenant(daemon, "chat", 0, &client);
            if (status == UAKV_OK) {
                ++*in;
                pause();
            }
            CHECK_STATUS(status, UAKV_ERR_DENIED);
        }
        ++*out;
    });
    await("each is in or has given up", [&] { return *in + *out == processes; });
    CHECK_EQ(in->load(), 3);
}

constexpr size_t open_slots_max = 512;

void open_slots() {
    const TwoTenants daemon("");
    const Client chat(daemon, "chat"), other(daemon, "chat");
    Space space(chat), others(other);
    const std::vector<uakv_key> keys = make_keys("open", open_slots_max + 1);
    std::vector<uakv_slot> slots(open_slots_max);
    for (size_t i = 0; i < open_slots_max; ++i) {
        CHECK_STATUS(uakv_reserve(space, &keys[i], 4096, nullptr, &slots[i]), UAKV_OK);
    }
    uakv_slot slot;
    const uakv_key &last = keys[open_slots_max];
    CHECK_STATUS(uakv_reserve(space, &last, 4096, nullptr, &slot), UAKV_ERR_DENIED);
    CHECK_STATUS(uakv_reserve(others, &last, 4096, nullptr, &slot), UAKV_OK);
    CHECK_STATUS(uakv_abort(&slot), UAKV_OK);
    CHECK_STATUS(uakv_abort(&slots[7]), UAKV_OK);
    CHECK_STATUS(uakv_reserve(space, &last, 4096, nullptr, &slots[7]), UAKV_OK);
    for (uakv_slot &each : slots) {
        CHECK_STATUS(uakv_abort(&each), UAKV_OK);
    }
    for (const uakv_key &key : keys) { // and none was lost
        CHECK_STATUS(store_block(space, key, 4096), UAKV_OK);
    }
}

// ---- operations ---------------------------------------------------------------------------------------------------

struct Asked {
    std::atomic<uint64_t> accepted, busy;
    std::atomic<bool> stop;
};

void ask_greedily(const Daemon &daemon, Asked &asked) {
    const Client client(daemon, "chat");
    uakv_statistics values = {};
    values.struct_size = sizeof values;
    while (!asked.stop) {
        const uakv_status status = uakv_stats(client, &values);
        CHECK_MESSAGE(status == UAKV_OK || status == UAKV_ERR_BUSY, uakv_status_name(status));
        ++(status == UAKV_OK ? asked.accepted : asked.busy);
    }
}

void operations_per_second() {
    constexpr double rate = 500;
    const TwoTenants daemon("    operations_per_second: 500\n");
    const Client chat(daemon, "chat"), batch(daemon, "batch");
    Space space(chat);
    const uakv_key key = make_key("hit");
    CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    check_stored(space, key, block_bytes);
    Shared<Asked> asked;
    const Clock::time_point begin = Clock::now();
    const auto greedy = start_greedy([&](int) { ask_greedily(daemon, *asked); });
    await("some are refused", [&] { return asked->busy > 1000; });
    for (int i = 0; i < 2000; ++i) {
        check_stored(space, key, block_bytes);                   // hits are not operations
        CHECK_STATUS(store_block(space, key, 100), UAKV_EXISTS); // nor what the library knows by itself
        CHECK_EQ(batch.statistics().refused_busy, 0);            // and other tenants are not limited
    }
    await("a second is over", [&] { return Clock::now() > begin + std::chrono::milliseconds(1500); });
    asked->stop = true;
    join_all(greedy);
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    const auto accepted = static_cast<double>(asked->accepted);
    CHECK_MESSAGE(accepted <= rate * (seconds + 1), std::to_string(accepted) + " in " + std::to_string(seconds) + " s");
    CHECK(accepted >= rate);
    uint64_t busy = 0;
    await("there are permits again", [&] {
        uakv_statistics values = {};
        values.struct_size = sizeof values;
        const uakv_status status = uakv_stats(chat, &values);
        busy = values.refused_busy;
        return status == UAKV_OK;
    });
    CHECK(busy >= asked->busy);
}

// Over its rate a client is refused what asks for something, and loses nothing by it.
void refused_operations_cost_nothing() {
    const TwoTenants daemon("    operations_per_second: 20\n");
    const Client chat(daemon, "chat");
    Space space(chat);
    size_t stored = 0, refused = 0;
    for (const uakv_key &key : make_keys("busy", 2000)) {
        const uakv_status status = reserve_fill_commit(space, key, block_bytes);
        CHECK_MESSAGE(status == UAKV_OK || status == UAKV_ERR_BUSY, uakv_status_name(status));
        CHECK_EQ(contains(space, key), status == UAKV_OK);
        ++(status == UAKV_OK ? stored : refused);
    }
    CHECK(stored > 0 && refused > 0);
    uakv_statistics values = {};
    values.struct_size = sizeof values;
    await("there are permits again", [&] { return uakv_stats(chat, &values) == UAKV_OK; });
    CHECK_EQ(values.blocks, stored);
    CHECK_MESSAGE(values.slots_granted <= 64, std::to_string(values.slots_granted)); // kept for the next reserves
}

// The slots of commits that are refused go back.
void refused_commits_cost_nothing() {
    const TwoTenants daemon("");
    const Client chat(daemon, "chat");
    Space space(chat);
    const std::vector<uakv_key> keys = make_keys("refused", 200);
    std::vector<uakv_slot> slots(keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
        CHECK_STATUS(uakv_reserve(space, &keys[i], block_bytes, nullptr, &slots[i]), UAKV_OK);
    }
    daemon.change("    operations_per_second: 1\n");
    size_t refused = 0;
    for (uakv_slot &slot : slots) {
        refused += uakv_commit(&slot) == UAKV_ERR_BUSY ? 1U : 0U;
        CHECK_STATUS(uakv_commit(&slot), UAKV_ERR_INVALID); // ended in any case
    }
    CHECK(refused > keys.size() / 2);
    daemon.change("");
    const uakv_statistics values = chat.statistics();
    CHECK_EQ(values.blocks, keys.size() - refused);
    CHECK_MESSAGE(values.slots_granted <= 64, std::to_string(values.slots_granted));
    CHECK_EQ(count_present(space, keys.data(), keys.size()), values.blocks);
}

// ---- the end ------------------------------------------------------------------------------------------------------

// Takes of everything, and leaves it to the end of the process.
void take_greedily(uakv_space *space, int number, const uakv_key &shared_key) {
    uakv_view view;
    uakv_slot slot;
    for (const uakv_key &key : make_keys("of " + std::to_string(number), 20)) {
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
        CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_OK);
        const uakv_key open = make_key("open " + std::to_string(number), key.bytes[0]);
        CHECK_STATUS(uakv_reserve(space, &open, block_bytes, nullptr, &slot), UAKV_OK);
    }
    // One of them computes it; the others wait.
    const uakv_status status = uakv_retrieve_or_reserve_submit(space, &shared_key, block_bytes, 0, 1);
    CHECK_STATUS(status, UAKV_PENDING);
}

void all_is_refunded() {
    const TwoTenants daemon("    leased_memory: 2MiB\n    clients: 9\n    descriptors: 45\n");
    const Daemon &served = daemon;
    const Guest chat(daemon);
    await_equal("clients", 1, [&] { return statistics_of(chat).clients; });
    await_equal("bytes_memory", tenant_bytes, [&] { return statistics_of(chat).bytes_memory; });
    const Client batch(daemon, "batch");
    batch.await_populated();
    const size_t descriptors_before = descriptor_count(served.pid());
    const uakv_key shared_key = make_key("computed");
    for (int round = 0; round < 3; ++round) {
        Shared<std::atomic<int>> ready, go;
        auto greedy = start_greedy([&](int i) {
            const Client client(daemon, "chat");
            Space space(client);
            take_greedily(space, processes * round + i, shared_key);
            ++*ready;
            await("the end", [&] { return *go == 1; });
        });
        await("all have taken", [&] { return *ready == processes; });
        check_denied(daemon, "chat", "clients of its tenant");
        CHECK_EQ(statistics_of(chat).leases, 20 * processes);
        CHECK(statistics_of(chat).slots_granted >= 20 * processes);
        CHECK_EQ(statistics_of(chat).flights, 1);
        for (size_t i = 0; i < greedy.size(); i += 2) { // every other one goes without a word
            greedy[i]->kill();
        }
        *go = 1;
        for (size_t i = 1; i < greedy.size(); i += 2) {
            greedy[i]->join();
        }
        await_equal("clients", 1, [&] { return statistics_of(chat).clients; });
        const uakv_statistics values = statistics_of(chat);
        CHECK_EQ(values.leases, 0);
        CHECK_EQ(values.bytes_leased, 0);
        CHECK_EQ(values.slots_granted, 0);
        CHECK_EQ(values.flights, 0);
        await_equal("descriptors", descriptors_before, [&] { return descriptor_count(served.pid()); });
    }
}

constexpr Case cases[] = {
    {"clients", clients},
    {"descriptors", descriptors},
    {"clients_at_once", clients_at_once},
    {"open_slots", open_slots},
    {"operations_per_second", operations_per_second},
    {"refused_operations_cost_nothing", refused_operations_cost_nothing},
    {"refused_commits_cost_nothing", refused_commits_cost_nothing},
    {"all_is_refunded", all_is_refunded},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("quotas_taken", uakv::test::cases);
}
