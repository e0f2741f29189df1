// A log that was damaged while nobody looked: cut off, filled with zeros, or changed here and there. The daemon starts,
// what is whole is found, and what is not is missing: never wrong.
#include "disk_blocks.h"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr size_t block_bytes = 100'000;
constexpr size_t blocks = 300;
constexpr off_t page = 4096;

// Part of a file of the log, for a test to spoil.
class LogFile {
public:
    explicit LogFile(const std::filesystem::path &path) : fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
        CHECK_MESSAGE(fd_ >= 0, path.string());
        bytes_ = ::lseek(fd_, 0, SEEK_END);
    }
    LogFile(const LogFile &) = delete;
    LogFile &operator=(const LogFile &) = delete;
    ~LogFile() { ::close(fd_); }

    off_t bytes() const { return bytes_; }
    void truncate(off_t bytes) const { CHECK_EQ(::ftruncate(fd_, bytes), 0); }
    void zero(off_t offset, off_t count) const {
        const std::vector<char> zeros(static_cast<size_t>(count));
        CHECK_EQ(::pwrite(fd_, zeros.data(), zeros.size(), offset), count);
    }
    void flip(off_t offset) const {
        unsigned char byte = 0;
        CHECK_EQ(::pread(fd_, &byte, 1, offset), 1);
        byte ^= 0x10;
        CHECK_EQ(::pwrite(fd_, &byte, 1, offset), 1);
    }

private:
    int fd_;
    off_t bytes_ = 0;
};

std::vector<std::filesystem::path> files_of(const Daemon &daemon, const std::string &kind) {
    std::vector<std::filesystem::path> files;
    for (const auto &file : std::filesystem::directory_iterator(daemon.disk_path() + "/default")) {
        if (file.path().filename().string().starts_with(kind)) {
            files.push_back(file.path());
        }
    }
    std::sort(files.begin(), files.end());
    CHECK(!files.empty());
    return files;
}

// Stores, stops, lets `spoil` do its work, starts again and counts what is there: all of that is right.
size_t survivors(bool without_checkpoint, const std::function<void(const Daemon &)> &spoil) {
    Daemon daemon(with_disk());
    const auto keys = make_keys("spoilt", blocks);
    {
        const Client client(daemon);
        const Space space(client);
        store_safely(space, keys, block_bytes);
    }
    daemon.stop();
    if (without_checkpoint) {
        for (const auto &file : files_of(daemon, "checkpoint")) {
            std::filesystem::remove(file);
        }
    }
    spoil(daemon);
    daemon.start();
    const Client client(daemon);
    const Space space(client);
    size_t there = 0;
    for (const uakv_key &key : keys) {
        std::vector<uint8_t> copy(block_bytes);
        size_t bytes = 0;
        const uakv_status status = uakv_retrieve_into(space, &key, copy.data(), copy.size(), &bytes, nullptr);
        CHECK_MESSAGE(status == UAKV_OK || status == UAKV_MISS || status == UAKV_ERR_CORRUPT || status == UAKV_ERR_IO,
                      uakv_status_name(status));
        if (status == UAKV_OK) {
            check_block(copy.data(), bytes, key);
            ++there;
        }
    }
    for (const uakv_key &key : keys) { // and it goes on
        const uakv_status status = store_block(space, key, block_bytes);
        CHECK(status == UAKV_OK || status == UAKV_EXISTS);
        check_stored(space, key, block_bytes);
    }
    return there;
}

void undamaged() {
    CHECK_EQ(survivors(false, [](const Daemon &) {}), blocks);
    CHECK_EQ(survivors(true, [](const Daemon &) {}), blocks);
}

void cut_off(bool without_checkpoint) {
    const size_t there = survivors(without_checkpoint, [](const Daemon &daemon) {
        const LogFile file(files_of(daemon, "log").front());
        file.truncate(10'000'000 / page * page + 123);
    });
    CHECK(there > 0 && there < blocks);
}

void filled_with_zeros(bool without_checkpoint) {
    const size_t there = survivors(without_checkpoint, [](const Daemon &daemon) {
        const LogFile file(files_of(daemon, "log").front());
        file.zero(8 << 20, 4 << 20);
    });
    CHECK(there > 0 && there < blocks);
}

void changed_here_and_there(bool without_checkpoint) {
    const size_t there = survivors(without_checkpoint, [](const Daemon &daemon) {
        Random random(5);
        const LogFile file(files_of(daemon, "log").front());
        for (int i = 0; i < 40; ++i) {
            file.flip(static_cast<off_t>(random.below(30'000'000)));
        }
    });
    CHECK(there > 0 && there < blocks);
}

void cut_off_behind_a_checkpoint() {
    cut_off(false);
}
void cut_off_without_a_checkpoint() {
    cut_off(true);
}
void zeros_behind_a_checkpoint() {
    filled_with_zeros(false);
}
void zeros_without_a_checkpoint() {
    filled_with_zeros(true);
}
void changed_behind_a_checkpoint() {
    changed_here_and_there(false);
}
void changed_without_a_checkpoint() {
    changed_here_and_there(true);
}

// The log has all that the checkpoint says.
void damaged_checkpoint() {
    const size_t there = survivors(false, [](const Daemon &daemon) {
        const LogFile file(files_of(daemon, "checkpoint").back());
        for (off_t offset = 0; offset < file.bytes(); offset += 1000) {
            file.flip(offset);
        }
    });
    CHECK_EQ(there, blocks);
}

void log_that_is_gone() {
    const size_t there = survivors(false, [](const Daemon &daemon) {
        for (const auto &file : files_of(daemon, "log")) {
            std::filesystem::remove(file);
        }
    });
    CHECK_EQ(there, 0);
}

constexpr Case cases[] = {
    {"undamaged", undamaged},
    {"cut_off_behind_a_checkpoint", cut_off_behind_a_checkpoint},
    {"cut_off_without_a_checkpoint", cut_off_without_a_checkpoint},
    {"zeros_behind_a_checkpoint", zeros_behind_a_checkpoint},
    {"zeros_without_a_checkpoint", zeros_without_a_checkpoint},
    {"changed_behind_a_checkpoint", changed_behind_a_checkpoint},
    {"changed_without_a_checkpoint", changed_without_a_checkpoint},
    {"damaged_checkpoint", damaged_checkpoint},
    {"log_that_is_gone", log_that_is_gone},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("disk_damaged", uakv::test::cases);
}
