// The device on real files, where it can go wrong: its directory, the limits of the machine, and what others put there.
#include "daemon/io/uring_device.h"
#include "daemon/base/log.h"
#include "daemon/io/disk_directory.h"
#include "sim/device_driver.h"
#include "support/check.h"
#include "support/child.h"
#include "support/daemon.h"
#include "support/process.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr std::uint64_t file_bytes = 1 << 20;
constexpr User nobody{65534, 65534};

BlockDevice::FileName log_file(std::uint32_t number) {
    return {BlockDevice::FileKind::log, number};
}

std::unique_ptr<BlockDevice> open(const std::string &path, std::uint32_t files_max = 1024) {
    auto device = open_uring_device({.path = path, .files_max = files_max});
    if (!device.ok() && device.error().detail.find("need io_uring") != std::string::npos) {
        throw Skip(device.error().detail);
    }
    CHECK_MESSAGE(device.ok(), device.error().detail);
    return std::move(device.value());
}

// It must be refused, with this status and all of these words.
void check_refused(const std::string &path, uakv_status status, const std::vector<std::string> &words) {
    auto device = open_uring_device({.path = path});
    CHECK_MESSAGE(!device.ok(), path + " was not refused");
    const std::string &detail = device.error().detail;
    CHECK_MESSAGE(device.error().status == status, detail);
    for (const std::string &word : words) {
        CHECK_MESSAGE(detail.find(word) != std::string::npos, "\"" + word + "\" is missing in: " + detail);
    }
}

mode_t mode_of(const std::string &path) {
    struct stat found {};
    CHECK(::stat(path.c_str(), &found) == 0);
    return found.st_mode & 07777U;
}

void need_root() {
    if (::geteuid() != 0) {
        throw Skip("only root can mount file systems and become other users");
    }
}

// A file system of its own, as long as this lives.
class Mounted {
public:
    Mounted(const char *type, const std::string &options) {
        need_root();
        if (::mount(type, directory_.path().c_str(), type, 0, options.c_str()) != 0) {
            throw Skip(std::string("this machine does not mount ") + type + " here");
        }
    }
    Mounted(const Mounted &) = delete;
    Mounted &operator=(const Mounted &) = delete;
    ~Mounted() { ::umount2(directory_.path().c_str(), MNT_DETACH); }
    std::string path(const std::string &name) const { return directory_.path() + "/" + name; }

private:
    Directory directory_;
};

void names_of_files() {
    using Kind = BlockDevice::FileKind;
    const std::vector<std::pair<BlockDevice::FileName, std::string>> names = {
        {{Kind::log, 0}, "log-00000000.uakv"},
        {{Kind::log, 12}, "log-00000012.uakv"},
        {{Kind::checkpoint, 3}, "checkpoint-00000003.uakv"},
        {{Kind::log, UINT32_MAX}, "log-4294967295.uakv"},
    };
    for (const auto &[name, text] : names) {
        CHECK_EQ(std::string(text_of(name).data()), text);
        CHECK(parse_disk_file_name(text) == name);
    }
    for (const char *text : {"", "log-", "log-.uakv", "log-1.uakv", "log-000000012.uakv", "log-4294967296.uakv",
                             "log-00000012.uakv.bak", "log-00000012", "Log-00000012.uakv", "log--0000012.uakv",
                             "log-+0000012.uakv", "log-0000001x.uakv", "checkpoint-3.uakv", "lock", ".", ".."}) {
        CHECK_MESSAGE(!parse_disk_file_name(text), text);
    }
}

void the_directory_is_made() {
    Directory above;
    const std::string path = above.path() + "/blocks/"; // and a slash too many
    ::umask(0);
    auto device = open(path);
    CHECK_EQ(mode_of(path), 0700);
    DeviceDriver driver(*device);
    driver.create(log_file(1), file_bytes);
    CHECK_EQ(mode_of(path + "log-00000001.uakv"), 0600);
    CHECK_EQ(std::filesystem::file_size(path + "log-00000001.uakv"), file_bytes);
    // Nothing of the trial of the file system is left.
    const auto entries = std::filesystem::directory_iterator(path);
    CHECK_EQ(std::distance(begin(entries), end(entries)), 1);
}

void a_directory_that_will_not_do() {
    Directory above;
    check_refused(
        above.path() + "/missing/blocks", UAKV_ERR_INVALID,
        {above.path() + "/missing/blocks", above.path() + "/missing that", "does not exist", "persistence_path"});
    CHECK(!std::filesystem::exists(above.path() + "/missing"));
    std::ofstream(above.path() + "/file") << "text";
    check_refused(above.path() + "/file", UAKV_ERR_INVALID, {above.path() + "/file", "Not a directory"});
    for (const mode_t mode : {0770U, 0702U, 0777U}) {
        const std::string path = above.path() + "/open";
        std::filesystem::create_directory(path);
        CHECK(::chmod(path.c_str(), mode) == 0);
        check_refused(path, UAKV_ERR_DENIED, {path, "other users", "chmod go-w"});
        CHECK(std::filesystem::is_empty(path)); // looked at before anything is written
        CHECK(::chmod(path.c_str(), 0755) == 0);
        open(path);
    }
}

void a_directory_of_another_user() {
    need_root();
    Directory above;
    const std::string path = above.path() + "/blocks";
    std::filesystem::create_directory(path);
    CHECK(::chmod(path.c_str(), 0700) == 0 && ::chown(path.c_str(), nobody.uid, nobody.gid) == 0);
    check_refused(path, UAKV_ERR_DENIED, {path, "user 65534", "chown"});
    run_child([&] {
        become(nobody);
        open(path); // it is his
    });
}

void one_daemon_at_a_time() {
    Directory above;
    const std::string path = above.path() + "/blocks";
    auto device = open(path);
    check_refused(path, UAKV_ERR_BUSY, {path, "another daemon", "persistence_path"});
    run_child([&] { check_refused(path, UAKV_ERR_BUSY, {path}); });
    device.reset();
    device = open(path);
    open(above.path() + "/others"); // another directory is another matter
}

// The lock goes with the process, and with what it had under way: nothing of it is written any more.
void the_lock_of_a_killed_daemon() {
    Directory above;
    const std::string path = above.path() + "/blocks";
    Shared<std::atomic<int>> rounds;
    Child child([&] {
        auto device = open(path);
        DeviceDriver driver(*device);
        driver.create(log_file(1), 64 * file_bytes);
        PageBuffer memory(64 * file_bytes, 1);
        for (;;) {
            for (std::uint64_t i = 0; i < 64; ++i) {
                const BlockDevice::Piece piece = memory.all().subspan(i * file_bytes, file_bytes);
                device->write(log_file(1), i * file_bytes, {&piece, 1}, i);
            }
            device->create(log_file(static_cast<std::uint32_t>(2 + *rounds)), file_bytes, 64);
            driver.finish(65);
            ++*rounds;
        }
    });
    child.await("the child to write", [&] { return *rounds >= 3; });
    child.kill();
    auto device = open(path);
    auto infos = device->list();
    CHECK(infos.ok() && infos.value().size() >= 4);
    DeviceDriver driver(*device);
    PageBuffer ours(64 * file_bytes);
    ours.fill(7);
    driver.write(log_file(1), 0, {{ours.all()}});
    driver.sync(log_file(1));
    driver.read(log_file(1), 0, ours.all());
    CHECK(ours.is_filled(7));
}

void what_others_left_there() {
    Directory above;
    const std::string path = above.path() + "/blocks";
    open(path);
    const std::vector<std::string> foreign = {"notes.txt", "log-1.uakv", "log-00000001.uakv.bak", "lock"};
    for (const std::string &name : foreign) {
        std::ofstream(path + "/" + name) << "text";
    }
    std::filesystem::create_directory(path + "/log-00000002.uakv");
    std::filesystem::create_symlink("notes.txt", path + "/log-00000003.uakv");
    CHECK(::mkfifo((path + "/log-00000004.uakv").c_str(), 0600) == 0);
    std::ofstream(path + "/log-00000005.uakv") << "not even a page";
    auto device = open(path);
    auto infos = device->list();
    CHECK(infos.ok());
    std::ranges::sort(infos.value(), {}, &BlockDevice::FileInfo::name);
    CHECK_EQ(infos.value().size(), 4); // with our names, whatever they are
    for (std::uint32_t i = 0; i < 4; ++i) {
        CHECK(infos.value()[i].name == log_file(2 + i));
        CHECK_EQ(infos.value()[i].bytes, i == 3 ? 15 : 0);
    }
    DeviceDriver driver(*device);
    PageBuffer memory(page, 1);
    for (std::uint32_t i = 2; i < 5; ++i) {
        CHECK_EQ(driver.read_or_fail(log_file(i), 0, memory.all()).error, EIO);
        CHECK_EQ(driver.write_or_fail(log_file(i), 0, {{memory.all()}}).error, EIO);
        CHECK_EQ(driver.sync_or_fail(log_file(i)).error, EIO);
    }
    CHECK_EQ(driver.read_some(log_file(5), 0, memory.all()), 15);
    // Removing is asked for by name: a directory stays, the others go. Text in foreign files is as it was.
    CHECK_EQ(driver.remove_or_fail(log_file(2)).error, EISDIR);
    for (std::uint32_t i = 3; i < 6; ++i) {
        driver.remove(log_file(i));
    }
    for (const std::string &name : foreign) {
        CHECK_EQ(read_file(path + "/" + name), "text");
    }
}

void a_name_that_was_taken_meanwhile() {
    Directory above;
    const std::string path = above.path() + "/blocks";
    auto device = open(path);
    std::ofstream(path + "/log-00000001.uakv") << "text";
    DeviceDriver driver(*device);
    CHECK_EQ(driver.create_or_fail(log_file(1), file_bytes).error, EEXIST);
    CHECK_EQ(read_file(path + "/log-00000001.uakv"), "text");
    // Its place among the open files is free again, and so is the name.
    CHECK(::unlink((path + "/log-00000001.uakv").c_str()) == 0);
    driver.create(log_file(1), file_bytes);
    // And a file that somebody else has removed is gone: that is what was asked for.
    CHECK(::unlink((path + "/log-00000001.uakv").c_str()) == 0);
    driver.remove(log_file(1));
    driver.create(log_file(1), file_bytes);
}

void a_full_disk() {
    Mounted small("tmpfs", "size=16m");
    const std::string path = small.path("blocks");
    auto device = open(path); // Skip where tmpfs has no O_DIRECT
    DeviceDriver driver(*device);
    CHECK_EQ(device->size_bytes(), 16 * file_bytes);
    driver.create(log_file(1), 8 * file_bytes);
    const std::uint64_t free_before = device->free_bytes();
    for (int round = 0; round < 3; ++round) {
        CHECK_EQ(driver.create_or_fail(log_file(2), 9 * file_bytes).error, ENOSPC);
        CHECK(!std::filesystem::exists(path + "/log-00000002.uakv"));
        CHECK_EQ(device->free_bytes(), free_before);
    }
    driver.remove(log_file(1));
    driver.create(log_file(2), 9 * file_bytes);
}

void no_way_past_the_page_cache() {
    Mounted memory("ramfs", "");
    check_refused(memory.path("blocks"), UAKV_ERR_UNSUPPORTED, {memory.path("blocks"), "O_DIRECT", "ext4"});
    CHECK(std::filesystem::is_empty(memory.path("blocks")));
}

// As a container does it.
void forbid_io_uring() {
    const std::array<sock_filter, 4> program = {{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog filter{program.size(), const_cast<sock_filter *>(program.data())};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        throw Skip("this machine has no filters of system calls");
    }
}

void io_uring_is_forbidden() {
    Directory above;
    Child child([&] {
        forbid_io_uring();
        check_refused(above.path() + "/blocks", UAKV_ERR_UNSUPPORTED, {"io_uring", "forbid", "persistence_path"});
        CHECK(!std::filesystem::exists(above.path() + "/blocks"));
    });
    const std::string end = child.end();
    if (end == "exit status 77") {
        throw Skip("this machine has no filters of system calls");
    }
    CHECK_EQ(end, "exit status 0");
}

void set_limit(decltype(RLIMIT_NOFILE) which, rlim_t value) {
    const rlimit limit{value, value};
    CHECK(::setrlimit(which, &limit) == 0);
}

// Memory that may not be locked is used all the same.
void little_memory_may_be_locked() {
    need_root(); // who may lock without limit, and gives that up
    Directory above;
    const std::string path = above.path() + "/blocks";
    std::filesystem::create_directory(path);
    CHECK(::chmod(path.c_str(), 0700) == 0 && ::chown(path.c_str(), nobody.uid, nobody.gid) == 0);
    run_child([&] {
        set_limit(RLIMIT_MEMLOCK, 2 << 20);
        CHECK(std::freopen((above.path() + "/log").c_str(), "w", stderr) != nullptr);
        set_log_level(LogLevel::debug);
        become(nobody);
        auto device = open(path);
        PageBuffer fits(file_bytes);
        PageBuffer does_not(16 * file_bytes);
        PageBuffer comes_later(file_bytes);
        for (PageBuffer *memory : {&fits, &does_not, &comes_later}) {
            device->register_memory(memory->all());
        }
        DeviceDriver driver(*device);
        driver.create(log_file(1), 16 * file_bytes);
        does_not.fill(1);
        driver.write(log_file(1), 0, {{does_not.all()}});
        for (PageBuffer *memory : {&fits, &comes_later}) {
            driver.read(log_file(1), 5 * file_bytes, memory->all());
            CHECK(std::ranges::equal(memory->all(), does_not.all().subspan(5 * file_bytes, file_bytes)));
        }
    });
    const std::string log = read_file(above.path() + "/log"); // one line
    CHECK_MESSAGE(log.find("without registered memory") != std::string::npos, log);
    CHECK_EQ(std::ranges::count(log, '\n'), 1);
}

void few_files_may_be_open() {
    Directory above;
    const std::string path = above.path() + "/blocks";
    constexpr std::uint32_t files = 200;
    run_child([&] {
        set_limit(RLIMIT_NOFILE, 100);
        auto device = open(path, 4096);
        DeviceDriver driver(*device);
        std::uint32_t made = 0;
        for (std::uint32_t i = 0; i < files; ++i) {
            const int error = driver.create_or_fail(log_file(i), page).error;
            CHECK(error == 0 || error == ENFILE);
            made += error == 0 ? 1U : 0U;
        }
        CHECK(made >= 50 && made < 101);
        driver.remove(log_file(0));
        driver.create(log_file(1000), page); // its place is free again
    });
    auto device = open(path); // with the limit that there was, they are all there
    auto infos = device->list();
    CHECK(infos.ok() && infos.value().size() >= 50);
    device.reset();
    run_child([&] {
        auto narrow = open(path, 20);
        auto listed = narrow->list();
        CHECK(!listed.ok());
        CHECK(listed.error().detail.find("LimitNOFILE") != std::string::npos);
    });
}

constexpr Case cases[] = {
    {"names_of_files", names_of_files},
    {"the_directory_is_made", the_directory_is_made},
    {"a_directory_that_will_not_do", a_directory_that_will_not_do},
    {"a_directory_of_another_user", a_directory_of_another_user},
    {"one_daemon_at_a_time", one_daemon_at_a_time},
    {"the_lock_of_a_killed_daemon", the_lock_of_a_killed_daemon},
    {"what_others_left_there", what_others_left_there},
    {"a_name_that_was_taken_meanwhile", a_name_that_was_taken_meanwhile},
    {"a_full_disk", a_full_disk},
    {"no_way_past_the_page_cache", no_way_past_the_page_cache},
    {"io_uring_is_forbidden", io_uring_is_forbidden},
    {"little_memory_may_be_locked", little_memory_may_be_locked},
    {"few_files_may_be_open", few_files_may_be_open},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("uring_device", uakv::test::cases);
}
