#include "sim/tier_world.h"

#include <array>

namespace uakv::test {
namespace {

struct Field {
    const char *name;
    std::uint64_t SimTally::*value;
};
constexpr std::array fields{
    Field{"lives", &SimTally::lives},
    Field{"crashes", &SimTally::crashes},
    Field{"calls of the device", &SimTally::calls},
    Field{"blocks written", &SimTally::written},
    Field{"refused", &SimTally::refused},
    Field{"read", &SimTally::read},
    Field{"missed", &SimTally::missed},
    Field{"corrupt", &SimTally::corrupt},
    Field{"unreadable", &SimTally::read_errors},
    Field{"dropped", &SimTally::dropped},
    Field{"erased", &SimTally::erased},
    Field{"tombstones", &SimTally::tombstones},
    Field{"flushes", &SimTally::flushed},
    Field{"flushes that failed", &SimTally::flush_errors},
    Field{"bytes relocated", &SimTally::relocated_bytes},
    Field{"checkpoints", &SimTally::checkpoints},
    Field{"starts from one", &SimTally::from_checkpoint},
    Field{"blocks found after crashes", &SimTally::found},
    Field{"pages torn", &SimTally::torn_pages},
    Field{"pages lost", &SimTally::lost_pages},
    Field{"starts with a torn log", &SimTally::torn_logs},
    Field{"files removed", &SimTally::removed_files},
    Field{"EIO of create", &SimTally::create_faults},
    Field{"of write", &SimTally::write_faults},
    Field{"of read", &SimTally::read_faults},
    Field{"of sync", &SimTally::sync_faults},
    Field{"of remove", &SimTally::remove_faults},
    Field{"ENOSPC", &SimTally::no_space},
    Field{"short reads", &SimTally::short_reads},
    Field{"short writes", &SimTally::short_writes},
    Field{"bits flipped", &SimTally::rotten},
    Field{"writes lost", &SimTally::lost_writes},
    Field{"writes misdirected", &SimTally::misdirected},
};
static_assert(sizeof(SimTally) == fields.size() * sizeof(std::uint64_t), "each field is named");

} // namespace

std::uint64_t SimTally::faults() const {
    return create_faults + write_faults + read_faults + sync_faults + remove_faults + no_space + short_reads +
           short_writes + rotten + lost_writes + misdirected;
}

void SimTally::add(const SimTally &other) {
    for (const Field &field : fields) {
        this->*field.value += other.*field.value;
    }
}

std::string SimTally::text() const {
    std::string text;
    for (const Field &field : fields) {
        text += (text.empty() ? "" : ", ") + std::string(field.name) + " " + std::to_string(this->*field.value);
    }
    return text;
}

} // namespace uakv::test
