#include "hostile/victim.h"

#include "support/check.h"
#include "support/client.h"
#include "support/pattern.h"

namespace uakv::test {
namespace {

constexpr std::uint64_t own_keys = 64;
constexpr std::size_t flight_bytes = 4096;

// Equal key, equal length.
std::size_t bytes_of(std::uint64_t number) {
    return 1 + number * 7919 % 65'536;
}

class Life {
public:
    Life(uakv_space *space, Memory memory, std::uint64_t worker)
        : space_(space), memory_(memory), name_("victim " + std::to_string(worker)) {}

    void store(std::uint64_t number) {
        const uakv_status status = store_block(space_, key(number), bytes_of(number));
        CHECK_MESSAGE(status == UAKV_OK || status == UAKV_EXISTS || may_lack(status),
                      std::string("a store gave ") + uakv_status_name(status) + " (" + last_error() + ")");
    }
    bool hit(std::uint64_t number) { return check_stored_or_missing(space_, key(number), bytes_of(number)); }
    void remove(std::uint64_t number) {
        const uakv_key one = key(number);
        CHECK_STATUS(uakv_remove(space_, &one, 1, nullptr), UAKV_OK);
        CHECK(!contains(space_, one));
    }
    // The block that the other process asks for too, about now.
    void fly(std::uint64_t number) {
        const uakv_key one = make_key("flight", number);
        uakv_view view = {};
        uakv_slot slot = {};
        const uakv_status status = uakv_retrieve_or_reserve(space_, &one, flight_bytes, 0, &view, &slot);
        if (status == UAKV_MISS) {
            fill_block(slot.data, flight_bytes, one);
            CHECK_STATUS(uakv_commit(&slot), UAKV_OK);
        } else if (!may_lack(status)) {
            CHECK_STATUS(status, UAKV_OK);
            check_block(view.data, view.nbytes, one);
            CHECK_STATUS(uakv_release(&view), UAKV_OK);
        }
    }

private:
    uakv_key key(std::uint64_t number) const { return make_key(name_, number % own_keys); }
    bool may_lack(uakv_status status) const { return memory_ == Memory::short_ && status == UAKV_ERR_NO_SPACE; }

    uakv_space *space_;
    Memory memory_;
    std::string name_;
};

} // namespace

void Victim::live(const std::string &path, Memory memory, std::uint64_t worker, Traffic &traffic) {
    uakv_client *client = nullptr;
    CHECK_STATUS(connect_to(path, 0, 0, &client), UAKV_OK);
    {
        const Space space(client, "victim");
        Life life(space, memory, worker);
        Counts &counts = traffic.counts[worker];
        for (std::uint64_t round = 0; !traffic.stop; ++round) {
            const std::uint64_t number = round % own_keys;
            life.store(number);
            ++counts.stores;
            counts.hits += life.hit(number) ? 1 : 0;
            counts.hits += life.hit((number + own_keys / 2) % own_keys) ? 1 : 0;
            if (round % 4 == 0) {
                life.remove((number + own_keys / 4) % own_keys);
                ++counts.removes;
                life.fly(traffic.flight_number.fetch_add(1) / 2);
                ++counts.flights;
            }
        }
    }
    uakv_disconnect(client);
}

Victim::Victim(const Daemon &daemon, Memory memory) {
    for (std::uint64_t worker = 0; worker < std::size(traffic_->counts); ++worker) {
        workers_.emplace_back([&, worker] { live(daemon.socket_path(), memory, worker, *traffic_); });
    }
    await_progress();
}

void Victim::await_progress() {
    constexpr std::uint64_t some = 2;
    for (std::size_t worker = 0; worker < workers_.size(); ++worker) {
        const Counts &counts = traffic_->counts[worker];
        for (const auto *count : {&counts.stores, &counts.hits, &counts.removes, &counts.flights}) {
            const std::uint64_t wanted = *count + some;
            workers_[worker].await("the victim goes on", [&] { return *count >= wanted; });
        }
    }
}

void Victim::stop() {
    traffic_->stop = true;
    for (Child &worker : workers_) {
        worker.join();
    }
}

} // namespace uakv::test
