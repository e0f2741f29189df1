// Whatever comes, in any order, on a disk with faults, with crashes in between: nothing wrong is read, nothing that a
// flush told of is missing unless the tier has said that it let it go, nothing erased comes back. By seed; the long
// runs are tests/sim.
#include "disk_fixture.h"

#include <cstdlib>
#include <set>

namespace uakv::test {
namespace {

constexpr std::uint64_t keys = 400;

struct Model {
    enum class Fate : std::uint8_t {
        absent,  // it must not be there
        present, // it must be there, now and after a crash
        either   // nobody knows
    };
    std::vector<Fate> fates = std::vector<Fate>(keys, Fate::absent);
    std::set<std::uint64_t> erased; // since the last good flush
    std::set<std::uint64_t> stored;
};

class Run {
public:
    Run(std::uint64_t seed, const DiskOptions &options, const SimOptions &faults)
        : random_(seed), on_(options, faults, seed), seed_(seed) {}

    void steps(int count) {
        for (int i = 0; i < count; ++i) {
            step();
        }
        on_.device->options() = calm();
        settle();
        check_all();
    }

private:
    using Fate = Model::Fate;

    static SimOptions calm() {
        SimOptions calm;
        calm.crash = SimCrash::mixed;
        return calm;
    }

    void step() {
        switch (random_.below(24)) {
        case 0:
            flush();
            break;
        case 1:
            random_.below(4) == 0 ? crash() : flush();
            break;
        case 2:
        case 3:
        case 4:
            erase(random_.below(keys));
            break;
        case 5:
        case 6:
        case 7:
        case 8:
            read(random_.below(keys));
            break;
        case 9:
            on_.run_for(random_.below(300) * ns_per_ms);
            break;
        default:
            write(1 + random_.below(20));
            break;
        }
        take_drops();
    }

    std::size_t bytes_of(std::uint64_t number) const { return 4096 * (1 + number % 23) - number % 100; }

    void write(std::uint64_t count) {
        std::map<DiskTier::Tag, std::uint64_t> tags;
        for (std::uint64_t i = 0; i < count; ++i) {
            const std::uint64_t number = random_.below(keys);
            tags[on_.begin_write(number, bytes_of(number))] = number;
            if (random_.below(2) == 0) {
                on_.tier->note_use(on_.space, TierOnSim::key_of(number), 1);
            }
        }
        for (const auto &[tag, number] : tags) {
            const uakv_status status = on_.await_event(Kind::written, tag);
            on_.payloads.erase(tag);
            Fate &fate = model_.fates[number];
            if (status == UAKV_OK) {
                model_.stored.insert(number);
                fate = Fate::either; // until a flush
            } else if (fate == Fate::absent) {
                fate = Fate::either; // what failed may be there even so, until it is erased
            }
        }
    }

    void read(std::uint64_t number) {
        const uakv_status status = on_.read(number, bytes_of(number));
        take_drops();
        if (status == UAKV_OK) {
            CHECK_MESSAGE(model_.fates[number] != Fate::absent, on_message(number, "is back"));
        } else if (status == UAKV_MISS) {
            CHECK_MESSAGE(model_.fates[number] != Fate::present || on_.statistics().breaker_open,
                          on_message(number, "is missing"));
        } else {
            CHECK_MESSAGE(status == UAKV_ERR_IO, on_message(number, "gives " + std::to_string(status)));
        }
    }

    void erase(std::uint64_t number) {
        on_.tier->erase(on_.space, TierOnSim::key_of(number));
        model_.erased.insert(number);
        model_.stored.erase(number);
        model_.fates[number] = Fate::either; // a crash may bring it back, until a flush
        CHECK_EQ(on_.read(number, bytes_of(number)), UAKV_MISS);
    }

    void flush() {
        const std::set<std::uint64_t> erased = std::exchange(model_.erased, {});
        const std::set<std::uint64_t> stored = std::exchange(model_.stored, {});
        const uakv_status status = on_.flush();
        if (status != UAKV_OK) {
            CHECK_EQ(status, UAKV_ERR_IO);
            model_.erased = erased;
            model_.stored = stored;
            return;
        }
        for (const std::uint64_t number : erased) {
            model_.fates[number] = stored.contains(number) ? Fate::either : Fate::absent;
        }
        for (const std::uint64_t number : stored) {
            model_.fates[number] = Fate::present;
        }
        take_drops();
    }

    void take_drops() {
        for (const DiskTier::Event &event : on_.events) {
            if (event.kind != Kind::dropped) {
                continue;
            }
            for (std::uint64_t number = 0; number < keys; ++number) {
                const uakv_key key = TierOnSim::key_of(number);
                if (std::memcmp(&key, &event.key, sizeof key) != 0) {
                    continue;
                }
                model_.stored.erase(number);
                if (model_.fates[number] == Fate::present) {
                    model_.fates[number] = Fate::either;
                }
            }
        }
        on_.events.clear();
    }

    void crash() {
        take_drops();
        on_.crash(seed_ + ++crashes_);
        model_.erased.clear();
        model_.stored.clear();
        check_all();
    }

    void settle() {
        on_.run_for(70 * ns_per_s);
        for (int i = 0; i < 20 && on_.flush() != UAKV_OK; ++i) {
            on_.run_for(10 * ns_per_s);
        }
        CHECK_MESSAGE(on_.flush() == UAKV_OK, on_message(0, "cannot be flushed"));
        take_drops();
    }

    void check_all() {
        for (std::uint64_t number = 0; number < keys; ++number) {
            const bool there = on_.knows(number);
            CHECK_MESSAGE(!there || model_.fates[number] != Fate::absent, on_message(number, "is back"));
            CHECK_MESSAGE(there || model_.fates[number] != Fate::present, on_message(number, "is missing"));
            read(number);
        }
    }

    std::string on_message(std::uint64_t number, const std::string &what) const {
        return "seed " + std::to_string(seed_) + ": block " + std::to_string(number) + " " + what + " after " +
               std::to_string(crashes_) + " crashes";
    }

    Random random_;
    TierOnSim on_;
    std::uint64_t seed_;
    std::uint64_t crashes_ = 0;
    Model model_;
};

DiskOptions tight_options(std::uint64_t seed) {
    DiskOptions options = TierOnSim::small();
    options.bytes_max = (8 + seed % 12) * mib;
    options.batch_bytes_max = (64U << seed % 4) * 1024;
    options.checkpoint_bytes = 3 * mib;
    return options;
}

SimOptions latencies() {
    SimOptions faults;
    faults.latency_ns_min = ns_per_ms / 10;
    faults.latency_ns_max = 5 * ns_per_ms;
    return faults;
}

std::uint64_t seeds(std::uint64_t usual) {
    const char *wanted = std::getenv("UAKV_DISK_SEEDS");
    return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : usual;
}

void run_all(SimOptions faults) {
    for (std::uint64_t seed = 1; seed <= seeds(20); ++seed) {
        Run(seed, tight_options(seed), faults).steps(150);
    }
}

void crashes_only() {
    run_all(latencies());
}

void failing_writes() {
    SimOptions faults = latencies();
    faults.errors[static_cast<std::size_t>(SimCall::write)] = 200;
    faults.short_writes = 500;
    run_all(faults);
}

void failing_syncs() {
    SimOptions faults = latencies();
    faults.errors[static_cast<std::size_t>(SimCall::sync)] = 1000;
    run_all(faults);
}

void failing_files() {
    SimOptions faults = latencies();
    faults.errors[static_cast<std::size_t>(SimCall::create)] = 2000;
    faults.errors[static_cast<std::size_t>(SimCall::remove)] = 2000;
    run_all(faults);
}

void everything_fails() {
    SimOptions faults = latencies();
    faults.errors = {500, 100, 0, 300, 500};
    faults.short_writes = faults.short_reads = 300;
    run_all(faults);
}

constexpr Case cases[] = {
    {"crashes", crashes_only},        {"failing writes", failing_writes}, {"failing syncs", failing_syncs},
    {"failing files", failing_files}, {"all of it", everything_fails},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("disk_random", uakv::test::cases);
}
