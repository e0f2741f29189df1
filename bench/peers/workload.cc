#include "workload.h"

#include "bench/failure.h"
#include "bench/processes.h"
#include "bench/timing.h"

#include <algorithm>
#include <fmt/format.h>

namespace uakv::bench {
namespace {

constexpr std::uint64_t samples_max = 8192; // of one process in one run; later operations count, untold

struct Tally {
    std::uint64_t operations;
    std::uint64_t found;
    std::uint64_t stored;
    std::uint64_t elapsed_ns;
    std::uint64_t samples;
};

enum class Did { found, missed, stored };

// What the processes of one case share.
struct Shared {
    Shared(const WorkPlan &work_plan, const WorkCase &work_case, const std::vector<PeerKind> &peer_kinds,
           const Contents &all_contents)
        : plan(work_plan), what(work_case), kinds(peer_kinds), contents(all_contents), gate(what.processes),
          next(kinds.size() * what.processes), tallies(places()), samples(places() * samples_max) {}

    std::size_t places() const { return all_works.size() * plan.runs * kinds.size() * what.processes; }
    std::size_t place(Work work, unsigned run, std::size_t peer, unsigned process) const {
        return ((static_cast<std::size_t>(work) * plan.runs + run) * kinds.size() + peer) * what.processes + process;
    }
    std::atomic<std::uint64_t> &next_of(std::size_t peer, std::uint64_t series) {
        return next[peer * what.processes + series];
    }
    // Blocks of each series in half of the memory.
    std::uint64_t window() const { return plan.memory_bytes / 2 / what.block_bytes / what.processes; }
    const std::byte *contents_of(const Block &block) const {
        return contents.of(block.index * what.processes + block.series, what.block_bytes);
    }

    const WorkPlan &plan;
    const WorkCase &what;
    const std::vector<PeerKind> &kinds;
    const Contents &contents;
    Gate gate;
    SharedArray<std::atomic<std::uint64_t>> next; // the number of the block that a series stores next
    SharedArray<Tally> tallies;
    SharedArray<std::uint32_t> samples;
};

void read_every_byte(const std::byte *data, std::uint64_t bytes) {
    std::uint64_t sum = 0;
    for (std::uint64_t offset = 0; offset < bytes; offset += sizeof sum) {
        std::uint64_t word = 0;
        std::memcpy(&word, data + offset, sizeof word);
        sum += word;
    }
    __asm__ volatile("" : : "r"(sum)); // somebody wants to know it
}

// One client process and one peer.
class Worker {
public:
    Worker(Shared &shared, std::size_t peer, unsigned me, Peer &server)
        : shared_(shared), peer_(peer), me_(me), bytes_(shared.what.block_bytes), connection_(server.connect()),
          random_(me + 1), buffer_(bytes_) {}

    bool does(Work work) const {
        return (work != Work::copied || shared_.kinds[peer_].in_place) &&
               (work != Work::store || shared_.what.processes == 1);
    }

    void store_next() {
        std::atomic<std::uint64_t> &next = shared_.next_of(peer_, me_);
        const Block block = block_at(me_, next.load(std::memory_order_relaxed));
        connection_->store(block, shared_.contents_of(block));
        next.store(block.index + 1, std::memory_order_release);
    }

    // Returns how many blocks of the newest window of a series are there, each with the right bytes.
    std::uint64_t verify(std::uint64_t series) {
        const std::uint64_t end = shared_.next_of(peer_, series).load();
        std::uint64_t found = 0;
        for (std::uint64_t index = end - shared_.window(); index < end; ++index) {
            const Block block = block_at(series, index);
            const std::byte *data = connection_->retrieve(block);
            if (data == nullptr) {
                continue;
            }
            const bool right = std::memcmp(data, shared_.contents_of(block), bytes_) == 0;
            connection_->release();
            std::fill(buffer_.begin(), buffer_.end(), std::byte{0});
            const bool copied = connection_->retrieve_into(block, buffer_.data(), bytes_);
            if (!right || (copied && std::memcmp(buffer_.data(), shared_.contents_of(block), bytes_) != 0)) {
                throw Failure(fmt::format("{} returned other bytes than were stored", shared_.kinds[peer_].name));
            }
            ++found;
        }
        return found;
    }

    void draw() {
        order_.clear();
        constexpr std::size_t drawn = 4096;
        for (std::size_t i = 0; i < drawn; ++i) {
            order_.push_back(any_of_window());
        }
    }

    void work(Work work, unsigned run) {
        const std::size_t place = shared_.place(work, run, peer_, me_);
        Tally warm_up{};
        repeat(work, shared_.plan.run_ns / 10, {}, warm_up);
        shared_.gate.pass();
        repeat(work, shared_.plan.run_ns, shared_.samples.span(place * samples_max, samples_max),
               shared_.tallies[place]);
        shared_.gate.pass();
    }

private:
    Block any_of_window() {
        const std::uint64_t series = random_.below(shared_.what.processes);
        const std::uint64_t end = shared_.next_of(peer_, series).load(std::memory_order_acquire);
        return block_at(series, end - 1 - random_.below(shared_.window()));
    }

    void repeat(Work work, std::uint64_t duration_ns, std::span<std::uint32_t> samples, Tally &tally) {
        const Work retrieve = work == Work::mixed ? Work::summed : work;
        const std::uint64_t start = now_ns();
        std::uint64_t end = start;
        while (end - start < duration_ns) {
            const bool stores = work == Work::store || (work == Work::mixed && random_.below(10) == 0);
            const Block *block = &order_[tally.operations % order_.size()];
            Block moving{};
            if (work == Work::mixed && !stores) {
                moving = any_of_window();
                block = &moving;
            }
            const std::uint64_t begin = now_ns();
            const Did did = stores ? (store_next(), Did::stored) : once(retrieve, *block);
            end = now_ns();
            tally.operations += 1;
            tally.found += did == Did::found ? 1 : 0;
            tally.stored += did == Did::stored ? 1 : 0;
            const Did told = work == Work::store ? Did::stored : Did::found;
            if (did == told && tally.samples < samples.size()) {
                samples[tally.samples++] = sample_of(begin, end);
            }
        }
        tally.elapsed_ns = end - start;
    }

    Did once(Work retrieve, const Block &block) {
        if (retrieve == Work::copied) {
            return connection_->retrieve_into(block, buffer_.data(), bytes_) ? Did::found : Did::missed;
        }
        const std::byte *data = connection_->retrieve(block);
        if (data == nullptr) {
            return Did::missed;
        }
        if (retrieve == Work::summed) {
            read_every_byte(data, bytes_);
        }
        connection_->release();
        return Did::found;
    }

    Shared &shared_;
    std::size_t peer_;
    unsigned me_;
    std::uint64_t bytes_;
    std::unique_ptr<Connection> connection_;
    Random random_;
    std::vector<std::byte> buffer_;
    std::vector<Block> order_;
};

using Peers = std::vector<std::unique_ptr<Peer>>;

void store_windows(Shared &shared, const Peers &peers) {
    for (std::size_t peer = 0; peer < peers.size(); ++peer) {
        for (unsigned series = 0; series < shared.what.processes; ++series) {
            Worker worker(shared, peer, series, *peers[peer]);
            for (std::uint64_t i = 0; i < shared.window(); ++i) {
                worker.store_next();
            }
        }
    }
}

void work_as_client(Shared &shared, const Peers &peers, unsigned me) {
    std::vector<Worker> workers;
    workers.reserve(peers.size());
    for (std::size_t peer = 0; peer < peers.size(); ++peer) {
        Worker &worker = workers.emplace_back(shared, peer, me, *peers[peer]);
        for (unsigned series = 0; series < shared.what.processes; ++series) {
            if (worker.verify(series) != shared.window()) {
                throw Failure(
                    fmt::format("{} lost blocks although half of its memory is free", shared.kinds[peer].name));
            }
        }
        worker.draw();
    }
    for (const Work work : all_works) {
        if (work == Work::mixed) { // from here on memory is full
            for (Worker &worker : workers) {
                for (std::uint64_t i = 0; i < shared.window() * 6 / 5; ++i) {
                    worker.store_next();
                }
            }
        }
        for (unsigned run = 0; run < shared.plan.runs; ++run) {
            for (Worker &worker : workers) {
                if (worker.does(work)) {
                    worker.work(work, run);
                }
            }
        }
    }
    for (Worker &worker : workers) {
        worker.verify(me);
    }
}

Outcome outcome_of(Shared &shared, Work work, unsigned run, std::size_t peer) {
    Outcome outcome;
    std::vector<std::uint32_t> samples;
    std::uint64_t found = 0;
    std::uint64_t stored = 0;
    std::uint64_t operations = 0;
    for (unsigned process = 0; process < shared.what.processes; ++process) {
        const std::size_t place = shared.place(work, run, peer, process);
        const Tally &tally = shared.tallies[place];
        const auto told = shared.samples.span(place * samples_max, tally.samples);
        samples.insert(samples.end(), told.begin(), told.end());
        const auto elapsed_s = static_cast<double>(tally.elapsed_ns) / 1e9;
        const auto moved = static_cast<double>((tally.found + tally.stored) * shared.what.block_bytes);
        outcome.operations_per_s += static_cast<double>(tally.operations) / elapsed_s;
        outcome.gigabytes_per_s += moved / 1e9 / elapsed_s;
        found += tally.found;
        stored += tally.stored;
        operations += tally.operations;
    }
    outcome.p50_ns = percentile(samples, 0.5);
    outcome.p99_ns = percentile(samples, 0.99);
    const std::uint64_t retrieves = operations - stored;
    outcome.found_percent = retrieves == 0 ? 0 : 100 * static_cast<double>(found) / static_cast<double>(retrieves);
    return outcome;
}

} // namespace

Outcomes do_work(const WorkPlan &plan, const WorkCase &what, const std::vector<PeerKind> &kinds,
                 const Programs &programs, const Contents &contents) {
    Shared shared(plan, what, kinds, contents);
    constexpr std::uint64_t spare = 8; // one may be asked for while its series goes on
    const PeerSettings settings{plan.memory_bytes, what.block_bytes, what.processes, shared.window() + spare,
                                what.processes == 1 ? Beside::other_cpus : Beside::all_cpus};
    Peers peers;
    for (const PeerKind &kind : kinds) {
        peers.push_back(kind.start(programs, settings));
    }
    run_processes(1, [&](unsigned) { store_windows(shared, peers); });
    run_processes(what.processes, [&](unsigned me) { work_as_client(shared, peers, me); });
    for (const auto &peer : peers) {
        peer->stop();
    }
    Outcomes outcomes;
    for (const Work work : all_works) {
        auto &of_work = outcomes[static_cast<std::size_t>(work)];
        of_work.resize(kinds.size());
        for (std::size_t peer = 0; peer < kinds.size(); ++peer) {
            // To have it in hand is to have copied it, where there is no other way.
            const bool in_hand = work == Work::copied && !kinds[peer].in_place;
            if (work == Work::store && what.processes != 1) {
                continue;
            }
            for (unsigned run = 0; run < plan.runs; ++run) {
                of_work[peer].push_back(outcome_of(shared, in_hand ? Work::in_hand : work, run, peer));
            }
        }
    }
    return outcomes;
}

} // namespace uakv::bench
