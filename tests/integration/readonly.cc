// A read-only client of another uid cannot write a byte that anybody else reads: tried for real, with the descriptors
// that the daemon passed to it.
#include "passed.h"
#include "support/check.h"
#include "support/child.h"
#include "support/client.h"
#include "support/daemon.h"
#include "support/pattern.h"
#include "support/process.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace uakv::test {
namespace {

constexpr gid_t shared_gid = 61010;
constexpr User member = {61002, shared_gid};
constexpr User stranger = {61003, 61003};
constexpr size_t block_bytes = 100'000;

DaemonOptions of_another_user() {
    if (geteuid() != 0) {
        throw Skip("only root can run daemon and clients as different users");
    }
    DaemonOptions options;
    options.user = User{61001, shared_gid};
    return options;
}

void store_as_member(const Daemon &daemon, const uakv_key &key) {
    run_child([&] {
        become(member);
        Client client(daemon);
        Space space(client);
        CHECK_STATUS(store_block(space, key, block_bytes), UAKV_OK);
    });
}

void read_only_client() {
    Daemon daemon(of_another_user());
    const uakv_key key = make_key("key");
    store_as_member(daemon, key);
    run_child([&] {
        become(member);
        forget_passed();
        Client client(daemon, UAKV_READ_ONLY);
        Space space(client);
        uakv_view view;
        CHECK_STATUS(uakv_retrieve(space, &key, nullptr, &view), UAKV_OK);
        check_block(view.data, view.nbytes, key);
        CHECK(check_mappings() >= 2); // index and segment
        const std::vector<int> passed = passed_memory();
        for (const int fd : passed) {
            check_cannot_write(fd);
        }
        CHECK_EQ(passed.size(), 3); // index, session, segment

        const uakv_key next = make_key("next");
        uakv_slot slot;
        CHECK_STATUS(store_block(space, next, 100), UAKV_ERR_DENIED);
        CHECK_MESSAGE(last_error().find("READ_ONLY") != std::string::npos, last_error());
        CHECK_STATUS(uakv_reserve(space, &next, 100, nullptr, &slot), UAKV_ERR_DENIED);
        CHECK_STATUS(uakv_remove(space, &key, 1, nullptr), UAKV_ERR_DENIED);
        uakv_space *created = nullptr;
        CHECK_STATUS(uakv_space_open(client, "new", nullptr, &created), UAKV_ERR_DENIED);
        CHECK_STATUS(uakv_release(&view), UAKV_OK);
        check_stored(space, key, block_bytes);
        CHECK_EQ(client.statistics().spaces, 1);
    });
}

// A client that may write has the segments writable, and nothing else: so the attempts above can succeed.
void writing_client() {
    Daemon daemon(of_another_user());
    run_child([&] {
        become(member);
        forget_passed();
        Client client(daemon);
        Space space(client);
        CHECK_STATUS(store_block(space, make_key("key"), block_bytes), UAKV_OK);
        size_t writable = 0;
        for (const Mapping &mapping : own_mappings()) {
            if (is_memory(mapping.name) && !is_session(mapping.name) && mapping.protection[1] == 'w') {
                CHECK_MESSAGE(mapping.name.find("index") == std::string::npos, mapping.name + " is mapped writable");
                ++writable;
            }
        }
        CHECK(writable >= 1);
        size_t writable_descriptors = 0;
        for (const int fd : passed_memory()) {
            if (!is_session(name_of(fd)) && can_map_writable(fd)) {
                ++writable_descriptors;
            }
        }
        CHECK(writable_descriptors >= 1);
        const int own = memfd_create("own", MFD_CLOEXEC); // born 0777: what the daemon must not hand out
        CHECK(ftruncate(own, 4096) == 0 && can_reopen(own, O_RDWR));
        close(own);
    });
}

// Neither a stranger to the group, nor one to whom somebody opened the socket's mode.
void outsider() {
    Daemon daemon(of_another_user());
    const auto try_to_connect = [&] {
        run_child([&] {
            become(stranger);
            uakv_client *client = nullptr;
            CHECK_STATUS(connect_to(daemon.socket_path(), UAKV_READ_ONLY, 0, &client), UAKV_ERR_DENIED);
            CHECK_MESSAGE(!last_error().empty(), "no detail");
        });
    };
    try_to_connect();
    CHECK(chmod(daemon.socket_path().c_str(), 0777) == 0);
    try_to_connect();
    store_as_member(daemon, make_key("key"));
}

constexpr Case cases[] = {
    {"read_only_client", read_only_client},
    {"writing_client", writing_client},
    {"outsider", outsider},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("readonly", uakv::test::cases);
}
