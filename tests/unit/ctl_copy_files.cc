// The file that uakvctl persist writes: what is read from it is what was written, or it is missing and that is said;
// whatever happens to its bytes.
#include "daemon/ctl/copy_reader.h"
#include "daemon/ctl/copy_writer.h"
#include "daemon/ctl/listing.h"
#include "support/check.h"
#include "support/daemon.h"
#include "support/pattern.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <sys/stat.h>

namespace uakv::test {
namespace {

using namespace uakv::ctl;

constexpr std::size_t record_bytes = sizeof(CopyRecord);

struct Written {
    std::uint32_t space = 0;
    std::string bytes;
    std::optional<uakv_key> parent;
    std::uint64_t expires_ms = copy_never;
};
using Blocks = std::map<std::string, Written>; // by their keys

std::string name_of(const uakv_key &key) {
    return {reinterpret_cast<const char *>(key.bytes), sizeof key.bytes};
}

std::span<const std::byte> bytes_of(const std::string &text) {
    return std::as_bytes(std::span(text));
}

CopySpace space_of(const std::string &name) {
    CopySpace space;
    space.block_bytes = 1 << 20;
    space.ttl_ms = 7;
    std::memcpy(space.name, name.data(), name.size());
    return space;
}

// Two spaces, blocks of odd lengths, with and without a parent and an end.
Blocks write_copy(const std::string &directory, std::size_t count = 20) {
    auto writer = CopyWriter::create(directory, "chat");
    CHECK_MESSAGE(writer.ok(), writer.ok() ? "" : writer.error().detail);
    CHECK_EQ(writer.value().add(space_of("a")).value(), 0);
    CHECK_EQ(writer.value().add(space_of("b")).value(), 1);
    const std::vector<uakv_key> keys = make_keys("key", count);
    Blocks blocks;
    for (std::size_t i = 0; i < count; ++i) {
        Written block;
        block.space = i % 2;
        block.bytes = std::string(1 + i * 7, static_cast<char>('a' + i));
        if (i % 3 != 0) {
            block.parent = keys[i - 1];
        }
        block.expires_ms = i % 4 == 0 ? copy_never : 1000 + i;
        CHECK(writer.value().add({block.space, keys[i], block.parent, block.expires_ms, bytes_of(block.bytes)}).ok());
        blocks[name_of(keys[i])] = block;
    }
    CHECK(!std::filesystem::exists(directory + "/copy.uakv"));
    auto finished = writer.value().finish();
    CHECK_MESSAGE(finished.ok(), finished.ok() ? "" : finished.error().detail);
    CHECK(!std::filesystem::exists(directory + "/copy.uakv.partial"));
    return blocks;
}

struct Seen {
    std::size_t good = 0;
    CopyReader::Damage damage;
    std::optional<CopyEnd> end;
    bool opened = false;
    uakv_status refused = UAKV_OK;
};

// Reads it to its end: each block that comes out is one that was written, whole.
Seen read_copy(const std::string &directory, const Blocks &blocks) {
    Seen seen;
    auto reader = CopyReader::open(directory);
    if (!reader.ok()) {
        seen.refused = reader.error().status;
        return seen;
    }
    seen.opened = true;
    seen.end = reader.value().end();
    std::map<std::string, int> times;
    while (const auto block = reader.value().next()) {
        const auto found = blocks.find(name_of(block->key));
        CHECK_MESSAGE(found != blocks.end(), "a block that was never written");
        const Written &wanted = found->second;
        CHECK_EQ(block->space, wanted.space);
        CHECK_EQ(block->expires_ms, wanted.expires_ms);
        CHECK_EQ(block->parent.has_value(), wanted.parent.has_value());
        CHECK(!block->parent || name_of(*block->parent) == name_of(*wanted.parent));
        CHECK(std::string(reinterpret_cast<const char *>(block->bytes.data()), block->bytes.size()) == wanted.bytes);
        CHECK_EQ(++times[found->first], 1);
        CHECK_EQ(std::string(reader.value().spaces().at(block->space).name), block->space == 0 ? "a" : "b");
        ++seen.good;
    }
    CHECK(!reader.value().next());
    seen.damage = reader.value().damage();
    return seen;
}

std::string text_of(const std::string &directory) {
    std::ifstream file(directory + "/copy.uakv", std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

// A new file each time: file systems take care, and time, to make one durable that is written over.
void put_text(const std::string &directory, const std::string &text) {
    std::filesystem::remove(directory + "/copy.uakv");
    std::ofstream(directory + "/copy.uakv", std::ios::binary | std::ios::trunc) << text;
}

void there_and_back() {
    const Directory directory;
    const std::string path = directory.path() + "/new"; // made by the writer
    const Blocks blocks = write_copy(path);
    const Seen seen = read_copy(path, blocks);
    CHECK_EQ(seen.good, 20);
    CHECK(!seen.damage.any());
    CHECK_EQ(seen.end->blocks, 20);
    CHECK_EQ(seen.end->spaces, 2);
    struct stat facts {};
    CHECK(::stat((path + "/copy.uakv").c_str(), &facts) == 0);
    CHECK_EQ(facts.st_mode & 0777, 0600); // its bytes are those of the tenant
    CHECK(::stat(path.c_str(), &facts) == 0);
    CHECK_EQ(facts.st_mode & 0777, 0700);
}

void nothing_to_copy() {
    const Directory directory;
    CHECK(write_copy(directory.path(), 0).empty());
    const Seen seen = read_copy(directory.path(), {});
    CHECK(seen.opened && !seen.damage.any());
}

// Each byte of a copy, one after another: no block that was not written comes out, none but the one that it hit goes
// missing, and that something is missing is always said.
void each_byte_damaged() {
    const Directory directory;
    const Blocks blocks = write_copy(directory.path(), 12);
    const std::string whole = text_of(directory.path());
    std::size_t unnoticed = 0;
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        put_text(directory.path(), damaged);
        const Seen seen = read_copy(directory.path(), blocks);
        const std::string where = "byte " + std::to_string(at);
        CHECK_MESSAGE(seen.opened, where);
        CHECK_MESSAGE(seen.good >= blocks.size() - 1, where);
        CHECK_MESSAGE(seen.good == blocks.size() || seen.damage.any(), where);
        unnoticed += seen.damage.any() ? 0U : 1U;
    }
    std::size_t padding = 0;
    for (const auto &[key, block] : blocks) {
        padding += with_padding(block.bytes.size()) - block.bytes.size();
    }
    CHECK_EQ(unnoticed, padding); // which says nothing
}

void cut_anywhere() {
    const Directory directory;
    const Blocks blocks = write_copy(directory.path(), 6);
    const std::string whole = text_of(directory.path());
    for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
        put_text(directory.path(), whole.substr(0, bytes));
        const Seen seen = read_copy(directory.path(), blocks);
        if (bytes < record_bytes + sizeof(CopyBegin)) {
            CHECK_STATUS(seen.refused, UAKV_ERR_INVALID);
        } else {
            CHECK(seen.opened && seen.damage.cut);
        }
    }
}

// A piece in the middle is gone, zeroed, doubled, or from another copy.
void pieces_damaged() {
    const Directory directory, other;
    const Blocks blocks = write_copy(directory.path(), 30);
    write_copy(other.path(), 30);
    const std::string whole = text_of(directory.path()), strange = text_of(other.path());
    CHECK_EQ(whole.size(), strange.size());
    for (std::size_t from = record_bytes; from + 4096 < whole.size(); from += 488) {
        for (const std::size_t bytes : {std::size_t{8}, std::size_t{512}, std::size_t{2048}}) {
            const std::string before = whole.substr(0, from), piece = whole.substr(from, bytes),
                              behind = whole.substr(from + bytes);
            for (const std::string &damaged :
                 {before + behind, before + std::string(bytes, '\0') + behind, before + piece + piece + behind,
                  before + strange.substr(from, bytes) + behind}) {
                put_text(directory.path(), damaged);
                const Seen seen = read_copy(directory.path(), blocks);
                CHECK(seen.opened);
                CHECK(seen.good == blocks.size() || seen.damage.any());
                CHECK(seen.good + 30 > blocks.size());
            }
        }
    }
}

// The spaces stand there twice: one of the two may be lost, and its blocks come out all the same.
void spaces_damaged() {
    const Directory directory;
    const Blocks blocks = write_copy(directory.path());
    const std::string whole = text_of(directory.path());
    std::string damaged = whole;
    damaged[record_bytes + sizeof(CopyBegin) + record_bytes + 130] ^= 1; // the name of the first space
    put_text(directory.path(), damaged);
    Seen seen = read_copy(directory.path(), blocks);
    CHECK_EQ(seen.good, 20);
    CHECK_EQ(seen.damage.records, 1);
    const std::size_t second = whole.rfind(std::string("a\0\0\0", 4));
    damaged[second] ^= 1; // and there once more
    put_text(directory.path(), damaged);
    seen = read_copy(directory.path(), blocks);
    CHECK_EQ(seen.good, 10);
    CHECK_EQ(seen.damage.records, 12);
}

// A block may hold what looks like a copy, even this one.
void a_copy_within_a_copy() {
    const Directory directory;
    const Blocks inner = write_copy(directory.path() + "/inner");
    const std::string text = text_of(directory.path() + "/inner");
    auto writer = CopyWriter::create(directory.path(), "chat");
    CHECK(writer.ok() && writer.value().add(space_of("a")).ok());
    const uakv_key key = make_key("outer");
    CHECK(writer.value().add({0, key, {}, copy_never, bytes_of(text)}).ok());
    CHECK(writer.value().finish().ok());
    Blocks blocks;
    blocks[name_of(key)] = {0, text, {}, copy_never};
    CHECK_EQ(read_copy(directory.path(), blocks).good, 1);
    std::string damaged = text_of(directory.path());
    damaged[record_bytes + 72 + record_bytes + sizeof(CopySpace) + 20] ^= 1; // so that the search goes through it
    put_text(directory.path(), damaged);
    const Seen seen = read_copy(directory.path(), blocks);
    CHECK_EQ(seen.good, 0);
    CHECK_EQ(seen.damage.records, 1);
}

void versions() {
    const Directory directory;
    write_copy(directory.path());
    std::string text = text_of(directory.path());
    CopyRecord record;
    std::memcpy(&record, text.data(), sizeof record);
    record.version = copy_version + 1;
    record.checksum = checksum_of_record(record);
    std::memcpy(text.data(), &record, sizeof record);
    put_text(directory.path(), text);
    const auto reader = CopyReader::open(directory.path());
    CHECK(!reader.ok());
    CHECK_STATUS(reader.error().status, UAKV_ERR_VERSION);
}

void no_copies() {
    const Directory directory;
    const auto refused = [&](uakv_status status) {
        const auto reader = CopyReader::open(directory.path());
        CHECK(!reader.ok());
        CHECK_STATUS(reader.error().status, status);
    };
    refused(UAKV_ERR_DENIED);
    for (const std::string &text : {std::string(), std::string("UKVP"), std::string(5000, 'x')}) {
        put_text(directory.path(), text);
        refused(UAKV_ERR_INVALID);
    }
    std::filesystem::remove(directory.path() + "/copy.uakv");
    std::filesystem::create_directory(directory.path() + "/copy.uakv");
    refused(UAKV_ERR_INVALID);
}

// Under its name there is a whole copy or none, and one that is there stays as it is.
void never_half_and_never_over_another() {
    const Directory directory;
    {
        auto writer = CopyWriter::create(directory.path(), "chat");
        CHECK(writer.ok() && writer.value().add(space_of("a")).ok());
        CHECK(std::filesystem::exists(directory.path() + "/copy.uakv.partial"));
        CHECK(!CopyWriter::create(directory.path(), "chat").ok()); // two at once
    }
    CHECK(std::filesystem::is_empty(directory.path()));
    // What a killed one has left is no hindrance.
    std::ofstream(directory.path() + "/copy.uakv.partial") << std::string(100'000, 'x');
    write_copy(directory.path());
    const std::string text = text_of(directory.path());
    const auto again = CopyWriter::create(directory.path(), "chat");
    CHECK(!again.ok());
    CHECK_STATUS(again.error().status, UAKV_ERR_DENIED);
    CHECK(text_of(directory.path()) == text);
    // Nor where it comes meanwhile.
    std::filesystem::remove(directory.path() + "/copy.uakv");
    auto late = CopyWriter::create(directory.path(), "chat");
    put_text(directory.path(), text);
    CHECK(!late.value().finish().ok());
    CHECK(text_of(directory.path()) == text);
}

void parents_stand_before_children() {
    const std::vector<uakv_key> keys = make_keys("key", 9);
    const auto listed = [&](std::size_t key, int parent) {
        Listed block;
        block.key = keys[key];
        if (parent >= 0) {
            block.parent = keys[static_cast<std::size_t>(parent)];
        }
        return block;
    };
    const auto order_of = [&](const std::vector<Listed> &blocks) {
        std::string order;
        for (const Listed &block : parents_first(blocks)) {
            for (std::size_t i = 0; i < keys.size(); ++i) {
                order += KeyEqual()(keys[i], block.key) ? std::to_string(i) : "";
            }
        }
        return order;
    };
    CHECK_EQ(order_of({}), "");
    CHECK_EQ(order_of({listed(0, -1), listed(1, -1)}), "01");
    CHECK_EQ(order_of({listed(3, 2), listed(2, 1), listed(1, 0), listed(0, -1)}), "0123");
    CHECK_EQ(order_of({listed(2, 0), listed(1, 0), listed(0, -1)}), "021");
    CHECK_EQ(order_of({listed(2, 8)}), "2");                                  // the parent is nowhere
    CHECK_EQ(order_of({listed(4, 4)}), "4");                                  // its own parent
    CHECK_EQ(order_of({listed(0, 2), listed(1, 0), listed(2, 1)}).size(), 3); // round in a circle
    std::vector<Listed> chain;
    chain.push_back(listed(0, -1));
    for (std::size_t i = 1; i < keys.size(); ++i) {
        chain.push_back(listed(i, static_cast<int>(i) - 1));
    }
    std::reverse(chain.begin(), chain.end());
    CHECK_EQ(order_of(chain), "012345678");
}

constexpr Case cases[] = {
    {"there_and_back", there_and_back},
    {"nothing_to_copy", nothing_to_copy},
    {"each_byte_damaged", each_byte_damaged},
    {"cut_anywhere", cut_anywhere},
    {"pieces_damaged", pieces_damaged},
    {"spaces_damaged", spaces_damaged},
    {"a_copy_within_a_copy", a_copy_within_a_copy},
    {"versions", versions},
    {"no_copies", no_copies},
    {"never_half_and_never_over_another", never_half_and_never_over_another},
    {"parents_stand_before_children", parents_stand_before_children},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("ctl_copy_files", uakv::test::cases);
}
