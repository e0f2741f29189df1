// What a tenant has on a GPU outlives its daemon: the next one goes on with its blocks, and with what clients hold, for
// all of it is memory behind descriptors that somebody keeps.
#include "gpu/arena_bench.h"

#include "ipc/lease_table.h"
#include "support/child.h"
#include "support/keeper.h"
#include "support/pattern.h"

#include <filesystem>
#include <string>
#include <sys/stat.h>

namespace uakv::test {
namespace {

constexpr std::uint64_t block_bytes = arena_segment_bytes; // eight fill it

// A daemon whose driver can be taken away.
struct Bench {
    Directory directory;
    std::string driver = directory.path() + "/driver.so";
    KeptDaemon daemon;

    Bench() : daemon(options(driver)) {}

    static DaemonOptions options(const std::string &driver) {
        std::filesystem::create_symlink(fakecuda::library, driver);
        DaemonOptions options;
        options.memory = "16MiB";
        options.environment = {{"UAKV_GPU_DRIVER", driver}, {"UAKV_GPU_MEMORY", "16MiB"}, {"UAKV_GPU_SEGMENT", "2MiB"}};
        return options;
    }
};

ino_t inode_of(const Fd &fd) {
    struct stat status {};
    CHECK(::fstat(fd.get(), &status) == 0);
    return status.st_ino;
}

Mapping mapped(const Fd &segment) {
    auto mapping = Mapping::map(segment, arena_segment_bytes, Access::read_write);
    CHECK(mapping.ok());
    return std::move(mapping.value());
}

void blocks_and_leases_survive() {
    Bench bench;
    RawClient before(bench.daemon.socket_path());
    before.attach(hello_to(uuid_of(0)));
    const SpaceId space = before.open_space("llama");
    const Completion slot = store_block(before, space, make_key("a"), block_bytes);
    const Completion filling = granted(before, block_bytes);
    const Fd segment = before.segment(slot.segment);
    mapped(segment).at<std::uint64_t>(slot.offset) = 77;
    lease_block(before.session(), 0, before.lookup(), space, make_key("a"));
    bench.daemon.restart();

    RawClient after(bench.daemon.socket_path());
    after.attach(hello_to(uuid_of(0)));
    CHECK_EQ(after.open_space("llama"), space);
    CHECK(is_stored(after, space, make_key("a")));
    const Fd again = after.segment(slot.segment);
    CHECK_EQ(inode_of(again), inode_of(segment));
    CHECK_EQ(mapped(again).at<std::uint64_t>(slot.offset), 77);

    // The process is the same, so what it was granted is still its own, and what it reads stays.
    CHECK_STATUS(
        after.call(with_slot_of(submission_for(Opcode::commit, space, make_key("b"), block_bytes), filling)).status,
        UAKV_OK);
    CHECK_EQ(after.call(submission_for(Opcode::remove, space, make_key("a"))).value, 1);
    for (int i = 0; i < 24; ++i) {
        CHECK(store_block(after, space, make_key(std::to_string(i)), block_bytes).segment != slot.segment);
    }
    store_release(before.session().leases[0], 0);
    int number = 100;
    await("the slot is used again", [&] {
        return store_block(after, space, make_key(std::to_string(++number)), block_bytes).segment == slot.segment;
    });
}

// Also what a daemon that ended in order has left.
void an_end_in_order_keeps_it() {
    Bench bench;
    {
        RawClient before(bench.daemon.socket_path());
        before.attach(hello_to(uuid_of(0)));
        store_block(before, before.open_space("llama"), make_key("a"));
    }
    bench.daemon.stop();
    bench.daemon.start();
    RawClient after(bench.daemon.socket_path());
    after.attach(hello_to(uuid_of(0)));
    CHECK(is_stored(after, after.open_space("llama"), make_key("a")));
}

std::string name_of(const std::string &part) {
    return "t.gpu." + gpu::hex_of(uuid_of(0)) + ".default." + part;
}

// A segment that is lost, or that is no memory of the driver's, is the end of the arena's blocks; of no others.
void damage_stays_where_it_is() {
    Bench bench;
    {
        RawClient host(bench.daemon.socket_path()), device(bench.daemon.socket_path());
        host.attach();
        device.attach(hello_to(uuid_of(0)));
        store_block(host, host.open_space("llama"), make_key("h"));
        const Completion slot = store_block(device, device.open_space("llama"), make_key("d"));
        device.segment(slot.segment); // has come
    }
    bench.daemon.kill();
    bench.daemon.manager().lose(name_of("0"));
    bench.daemon.start();
    CHECK(bench.daemon.log().find("tenant default on GPU 0: begins with an empty memory") != std::string::npos);
    RawClient host(bench.daemon.socket_path()), device(bench.daemon.socket_path());
    host.attach();
    device.attach(hello_to(uuid_of(0)));
    CHECK(is_stored(host, host.open_space("llama"), make_key("h")));
    const SpaceId space = device.open_space("llama");
    CHECK(!is_stored(device, space, make_key("d")));
    store_block(device, space, make_key("d"));
}

// Without the driver nobody could use the arena, so what was kept of it goes; the host's stays.
void without_the_driver() {
    Bench bench;
    {
        RawClient host(bench.daemon.socket_path()), device(bench.daemon.socket_path());
        host.attach();
        device.attach(hello_to(uuid_of(0)));
        store_block(host, host.open_space("llama"), make_key("h"));
        store_block(device, device.open_space("llama"), make_key("d"));
    }
    bench.daemon.kill();
    CHECK(bench.daemon.manager().descriptor(name_of("state")) >= 0);
    std::filesystem::remove(bench.driver);
    bench.daemon.start();
    CHECK(bench.daemon.log().find("there is no GPU tier: no CUDA driver") != std::string::npos);
    {
        RawClient host(bench.daemon.socket_path());
        host.attach();
        CHECK(is_stored(host, host.open_space("llama"), make_key("h")));
    }
    refused(bench.daemon.socket_path(), hello_to(uuid_of(0)), UAKV_ERR_GPU);
    bench.daemon.kill();
    for (const std::string &name : bench.daemon.manager().names()) {
        CHECK_MESSAGE(name.find("gpu.") == std::string::npos, name);
    }
}

constexpr Case cases[] = {
    {"blocks_and_leases_survive", blocks_and_leases_survive},
    {"an_end_in_order_keeps_it", an_end_in_order_keeps_it},
    {"damage_stays_where_it_is", damage_stays_where_it_is},
    {"without_the_driver", without_the_driver},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("arena_restart", uakv::test::cases);
}
