// What a tenant has on a GPU, served to clients by hand: the same as its cache in the machine's memory, but for what
// the daemon cannot look at.
#include "gpu/arena_bench.h"

#include "support/check.h"
#include "support/child.h"
#include "support/pattern.h"

#include <sys/stat.h>

namespace uakv::test {
namespace {

ino_t inode_of(const Fd &fd) {
    struct stat status {};
    CHECK(::fstat(fd.get(), &status) == 0);
    return status.st_ino;
}

void is_a_cache_of_its_own() {
    Served served(gpu_settings());
    RawClient client(served.path());
    client.attach(hello_to(uuid_of(0)));
    CHECK_EQ(client.session_bytes(), sizeof(DeviceSessionLayout));
    CHECK_EQ(client.segment_bytes(), arena_segment_bytes);
    CHECK_EQ(client.device_session().streams[0].reached, 0);
    const SpaceId space = client.open_space("llama");
    const Completion slot = store_block(client, space, make_key("a"));
    CHECK(is_stored(client, space, make_key("a")));
    CHECK(slot.capacity >= 4096);

    RawClient host(served.path());
    host.attach();
    CHECK_EQ(host.session_bytes(), sizeof(SessionLayout));
    const SpaceId other = host.open_space("other");
    CHECK(!is_stored(host, other, make_key("a")));
    CHECK(inode_of(host.fds()[0]) != inode_of(client.fds()[0])); // the index

    RawClient second(served.path());
    second.attach(hello_to(uuid_of(0)));
    CHECK(is_stored(second, space, make_key("a")));
    const Completion again = granted(second);
    CHECK_STATUS(second.call(with_slot_of(submission_for(Opcode::commit, space, make_key("a")), again)).status,
                 UAKV_EXISTS);
    CHECK_EQ(second.call(submission_for(Opcode::remove, space, make_key("a"))).value, 1);
    CHECK(!is_stored(client, space, make_key("a")));
}

// Who imports what two clients were sent sees one memory.
void segments_are_shared() {
    Served served(gpu_settings());
    RawClient writer(served.path()), reader(served.path());
    writer.attach(hello_to(uuid_of(0)));
    const SpaceId space = writer.open_space("llama");
    const Completion slot = store_block(writer, space, make_key("a"));
    reader.attach(hello_to(uuid_of(0), "", UAKV_READ_ONLY));
    const Fd out = writer.segment(slot.segment), in = reader.segment(slot.segment);
    auto written = Mapping::map(out, arena_segment_bytes, Access::read_write); // the stand-in's memory is the host's
    auto read = Mapping::map(in, arena_segment_bytes, Access::read_write);     // read-only is for the importer to say
    CHECK(written.ok() && read.ok());
    written.value().at<std::uint64_t>(slot.offset) = 0x1234567;
    CHECK_EQ(read.value().at<std::uint64_t>(slot.offset), 0x1234567);

    cuda::MemHandle handle = 0;
    void *shareable = reinterpret_cast<void *>(static_cast<std::uintptr_t>(in.get()));
    CHECK_CUDA(
        fake_driver().call().mem_import_from_shareable_handle(&handle, shareable, cuda::handle_posix_descriptor));
    CHECK_CUDA(fake_driver().call().mem_release(handle));
}

void leases_hold_slots() {
    Served served(gpu_settings());
    RawClient client(served.path());
    client.attach(hello_to(uuid_of(0)));
    const SpaceId space = client.open_space("llama");
    const Completion held = store_block(client, space, make_key("held"), arena_segment_bytes);
    lease_block(client.session(), 0, client.lookup(), space, make_key("held"));
    std::uint64_t reused = 0;
    for (int i = 0; i < 40; ++i) { // there are eight segments
        const Completion slot = store_block(client, space, make_key(std::to_string(i)), arena_segment_bytes);
        reused += slot.segment == held.segment ? 1U : 0U;
    }
    CHECK_EQ(reused, 0);
    CHECK(!is_stored(client, space, make_key("0"))); // evicted
    client.call(submission_for(Opcode::remove, space, make_key("held")));
    store_release(client.session().leases[0], 0);
    await("the slot is used again", [&] {
        static int number = 100;
        return store_block(client, space, make_key(std::to_string(++number)), arena_segment_bytes).segment ==
               held.segment;
    });
}

// Every opcode that there is, for a block that is there and one that is not; the daemon answers, and lives.
void what_a_client_may_ask() {
    Served served(gpu_settings());
    RawClient client(served.path());
    client.attach(hello_to(uuid_of(0)));
    const SpaceId space = client.open_space("llama");
    store_block(client, space, make_key("a"));
    const auto ask = [&](Opcode opcode, const char *key) {
        return client.call(submission_for(opcode, space, make_key(key)));
    };
    for (const char *key : {"a", "b"}) { // nobody but the GPU can look at it
        CHECK_STATUS(ask(Opcode::check, key).status, UAKV_ERR_UNSUPPORTED);
        CHECK_EQ(ask(Opcode::check, key).value, 0);
    }
    CHECK_STATUS(ask(Opcode::load, "a").status, UAKV_OK);
    CHECK_STATUS(ask(Opcode::load, "b").status, UAKV_MISS);
    CHECK_EQ(ask(Opcode::prefetch, "a").value, 0);
    CHECK_EQ(ask(Opcode::prefetch, "b").value, 0);
    Submission pin = submission_for(Opcode::pin, space, make_key("a"));
    pin.ttl_ms = UAKV_PIN_FOREVER;
    CHECK_EQ(client.call(pin).value, 1);
    CHECK_STATUS(ask(Opcode::claim, "a").status, UAKV_EXISTS);
    const Completion claimed = ask(Opcode::claim, "b");
    CHECK_STATUS(claimed.status, UAKV_MISS);
    CHECK(claimed.capacity > 0);
    CHECK_STATUS(client.call(with_slot_of(submission_for(Opcode::abort, space, make_key("b")), claimed)).status,
                 UAKV_OK);
    CHECK_STATUS(ask(Opcode::stats, "a").status, UAKV_OK);
    CHECK_EQ(client.session().statistics.values.blocks, 1);
    CHECK_EQ(client.session().statistics.values.bytes_capacity, arena_bytes);
    CHECK_STATUS(ask(Opcode::cancel, "a").status, UAKV_OK);
    CHECK_EQ(ask(Opcode::clear, "a").value, 1);
    CHECK(!is_stored(client, space, make_key("a")));
}

// They may have the same keys; never the same memory.
void tenants_share_nothing() {
    Settings settings = gpu_settings({tenant_settings("chat"), tenant_settings("batch"), tenant_settings("none")});
    settings.gpu.memory = std::to_string(2 * arena_bytes);
    settings.tenants[2].gpu_memory = "0";
    Served served(settings);
    RawClient chat(served.path()), batch(served.path());
    chat.attach(hello_to(uuid_of(0), "chat"));
    batch.attach(hello_to(uuid_of(0), "batch"));
    const SpaceId space = chat.open_space("llama");
    CHECK_EQ(batch.open_space("llama"), space);
    store_block(chat, space, make_key("a"));
    CHECK(!is_stored(batch, space, make_key("a")));
    for (std::uint32_t i = 0; i < arena_bytes / arena_segment_bytes; ++i) {
        for (std::uint32_t j = 0; j < arena_bytes / arena_segment_bytes; ++j) {
            CHECK(inode_of(chat.segment(i)) != inode_of(batch.segment(j)));
        }
    }
    CHECK_EQ(refused(served.path(), hello_to(uuid_of(0), "none"), UAKV_ERR_GPU),
             "tenant \"none\" has no memory on GPU 0: see its gpu_memory");
    CHECK_EQ(refused(served.path(), hello_to(uuid_of(0), "nobody's"), UAKV_ERR_DENIED),
             refused(served.path(), hello_to({}, "nobody's"), UAKV_ERR_DENIED)); // tenants come before devices
}

void what_is_refused() {
    Served served(gpu_settings());
    CHECK_EQ(refused(served.path(), hello_to({}), UAKV_ERR_GPU),
             "GPU-00000000-0000-0000-0000-000000000000 takes no part in this daemon's GPU tier: see gpu_devices, and "
             "uakvctl status");
    HelloDeviceMessage old = hello_to(uuid_of(0));
    old.version_max = old.version_min = protocol_version + 1;
    refused(served.path(), old, UAKV_ERR_VERSION);

    Settings off = gpu_settings();
    off.gpu.memory = "0";
    Served without(off);
    CHECK_EQ(refused(without.path(), hello_to(uuid_of(0)), UAKV_ERR_GPU),
             "this daemon has no GPU tier: gpu_memory is 0");
}

constexpr Case cases[] = {
    {"is_a_cache_of_its_own", is_a_cache_of_its_own}, {"segments_are_shared", segments_are_shared},
    {"leases_hold_slots", leases_hold_slots},         {"what_a_client_may_ask", what_a_client_may_ask},
    {"tenants_share_nothing", tenants_share_nothing}, {"what_is_refused", what_is_refused},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("arenas", uakv::test::cases);
}
