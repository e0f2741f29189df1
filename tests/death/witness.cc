#include "death/witness.h"

#include "support/check.h"
#include "support/pattern.h"
#include "support/process.h"

namespace uakv::test {
namespace {

constexpr size_t watched_bytes = 9'000; // as many blocks of the workload, which would take its place
constexpr uint64_t flights_back = 3;

} // namespace

Accounts::Accounts(const DaemonOptions &options) : daemon_(options) {
    client_.await_populated();
    descriptors_ = descriptor_count(daemon_.pid());
}

void Accounts::await_nothing_held() const {
    const auto none = [this](const char *name, uint64_t uakv_statistics::*counter) {
        await_equal(name, 0, [&] { return client_.statistics().*counter; });
    };
    await_equal("clients", 1, [&] { return client_.statistics().clients; });
    none("leases", &uakv_statistics::leases);
    none("slots_granted", &uakv_statistics::slots_granted);
    none("slots_limbo", &uakv_statistics::slots_limbo);
    none("flights", &uakv_statistics::flights);
    await_equal("descriptors of the daemon", descriptors_, [this] { return descriptor_count(daemon_.pid()); });
}

void Accounts::await_empty() const {
    await_nothing_held();
    const uakv_statistics left = client_.statistics();
    CHECK_EQ(left.blocks, 0);
    CHECK_EQ(left.blocks_pinned, 0);
    CHECK_EQ(left.bytes_pinned, 0);
}

Witness::Witness(const Accounts &accounts, const std::string &name) : name_(name), client_(accounts.daemon()) {
    const uakv_key key = make_key(name_ + "/watched");
    CHECK_STATUS(store_block(space_, key, watched_bytes), UAKV_OK);
    CHECK_STATUS(uakv_retrieve(space_, &key, nullptr, &view_), UAKV_OK);
    CHECK_STATUS(uakv_remove(space_, &key, 1, nullptr), UAKV_OK);
}

void Witness::check_flights(const Journal &journal) const {
    const uint64_t last = journal.flight.load();
    for (uint64_t flight = last > flights_back ? last - flights_back : 0; flight <= last; ++flight) {
        const uakv_key key = flight_key_of(name_, flight);
        uakv_view view;
        uakv_slot slot;
        const uakv_status status = uakv_retrieve_or_reserve(space_, &key, flight_bytes, 0, &view, &slot);
        if (status == UAKV_MISS) {
            CHECK_STATUS(uakv_abort(&slot), UAKV_OK);
        } else {
            CHECK_STATUS(status, UAKV_OK);
            check_block(view.data, view.nbytes, key);
            CHECK_STATUS(uakv_release(&view), UAKV_OK);
        }
    }
}

void Witness::check_view() const {
    check_block(view_.data, view_.nbytes, make_key(name_ + "/watched"));
}

void Witness::clear() const {
    check_view();
    CHECK_STATUS(uakv_release(&view_), UAKV_OK);
    const Space cleared(client_, "cleared");
    CHECK_STATUS(uakv_clear(cleared), UAKV_OK);
    CHECK_STATUS(uakv_clear(space_), UAKV_OK);
}

} // namespace uakv::test
