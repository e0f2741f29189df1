// ServiceManager as a Keeper, against a stand-in for the manager: what is sent, in which order, and what happens when
// the manager does not read.
#include "daemon/service/service_manager.h"
#include "ipc/clock.h"
#include "ipc/memfd.h"
#include "support/check.h"
#include "support/child.h"
#include "systemd/stand_in.h"

#include <string>

#include <sys/stat.h>

namespace uakv::test {
namespace {

ServiceManager::Given given_by(const StandIn &manager) {
    ServiceManager::Given given;
    given.notify_address = manager.address();
    return given;
}

Fd memory() {
    auto fd = create_memfd("uakv-test", 4096);
    CHECK(fd.ok());
    return std::move(fd.value());
}

bool same_file(int a, int b) {
    struct stat left {};
    struct stat right {};
    CHECK(fstat(a, &left) == 0 && fstat(b, &right) == 0);
    return left.st_ino == right.st_ino && left.st_dev == right.st_dev;
}

void names_and_descriptors_arrive() {
    StandIn manager;
    ServiceManager service(given_by(manager));
    const Fd first = memory();
    const Fd second = memory();
    CHECK(service.keep("t.default.index", first));
    CHECK(service.keep("t.my.team.12", second));
    service.drop("t.default.index");
    service.drop("never.kept"); // nobody is told
    manager.hear();
    CHECK_EQ(manager.all().size(), 3);
    const Said &kept = manager.all()[1];
    CHECK_EQ(kept.text, "FDSTORE=1\nFDNAME=t.my.team.12\nFDPOLL=0");
    CHECK_EQ(kept.fds.size(), 1);
    CHECK(same_file(kept.fds[0], second.get()));
    CHECK(same_file(manager.all()[0].fds[0], first.get()));
    CHECK_EQ(manager.all()[2].text, "FDSTOREREMOVE=1\nFDNAME=t.default.index");
    CHECK_EQ(service.kept_count(), 1);
}

// The manager would keep both, and nobody could tell which is which.
void kept_again_replaces() {
    StandIn manager;
    ServiceManager service(given_by(manager));
    const Fd fd = memory();
    CHECK(service.keep("m1", fd) && service.keep("m1", fd));
    manager.hear();
    CHECK_EQ(manager.all().size(), 3);
    CHECK(manager.all()[1].has("FDSTOREREMOVE=1"));
    CHECK_EQ(service.kept_count(), 1);
}

void nothing_without_a_manager() {
    ServiceManager service;
    CHECK(!service.is_there());
    CHECK(!service.keep("t.default.index", memory()));
    service.drop("t.default.index");
    service.ready();
    service.reloading();
    service.stopping();
    bool asked = false;
    CHECK_EQ(service.turn(true,
                          [&] {
                              asked = true;
                              return std::string();
                          }),
             UINT64_MAX);
    CHECK(!asked);
    CHECK(!service.take_listener() && service.take_kept().empty());
}

// Not one more than a start could be told of; and what is dropped makes room.
void names_fit_into_the_environment() {
    StandIn manager;
    ServiceManager service(given_by(manager));
    const Fd fd = memory();
    const std::string filler(Keeper::name_bytes_max - 4, 'x');
    const size_t room = ServiceManager::names_bytes_max / (Keeper::name_bytes_max + 1);
    const auto name = [&](size_t number) {
        std::string text = std::to_string(number);
        return filler + std::string(4 - text.size(), '0') + text;
    };
    for (size_t i = 0; i < room; ++i) {
        CHECK(service.keep(name(i), fd));
        manager.hear();
    }
    CHECK(!service.keep(name(room), fd));
    manager.hear();
    CHECK_EQ(manager.all().size(), room); // nobody was told of it
    service.drop(name(3));
    CHECK(service.keep(name(room), fd));
}

void names_that_were_left_count() {
    StandIn manager;
    ServiceManager::Given given = given_by(manager);
    given.kept.push_back({"t.default.index", memory()});
    given.kept.push_back({"t.default.state", memory()});
    ServiceManager service(std::move(given));
    CHECK_EQ(service.kept_count(), 2);
    KeptFds kept = service.take_kept();
    CHECK(kept.take("t.default.index"));
    service.drop_all(kept); // the other one is of no use to anybody
    manager.hear();
    CHECK_EQ(manager.all().size(), 1);
    CHECK_EQ(manager.all()[0].text, "FDSTOREREMOVE=1\nFDNAME=t.default.state");
}

// What has not changed is not said again, and what has changed not at once again.
void status_now_and_then() {
    StandIn manager;
    ServiceManager::Given given = given_by(manager);
    given.status_every_ms = 0;
    ServiceManager often(std::move(given));
    std::string text = "one";
    size_t asked = 0;
    const auto status = [&] {
        ++asked;
        return text;
    };
    for (int i = 0; i < 10; ++i) {
        often.turn(true, status);
    }
    CHECK_EQ(asked, 10);
    text = "two";
    CHECK_EQ(often.turn(false, status), UINT64_MAX); // nothing has happened: nobody asks
    often.turn(true, status);
    manager.hear();
    CHECK_EQ(manager.all().size(), 2);
    CHECK_EQ(manager.all()[0].text, "STATUS=one");
    CHECK_EQ(manager.all()[1].text, "STATUS=two");

    given = given_by(manager);
    given.status_every_ms = 3'600'000;
    ServiceManager seldom(std::move(given));
    asked = 0;
    for (int i = 0; i < 10; ++i) {
        const std::uint64_t sleep_ns = seldom.turn(true, status);
        CHECK(i == 0 || (sleep_ns > 0 && sleep_ns <= 3'600'000 * ns_per_ms)); // it comes back for what is new
    }
    CHECK_EQ(asked, 1);
}

// It returns, and says that the next daemon will not have it. What is kept later is.
void manager_that_does_not_read() {
    StandIn manager;
    ServiceManager service(given_by(manager));
    const Fd fd = memory();
    size_t kept = 0;
    while (service.keep("a." + std::to_string(kept), fd)) {
        ++kept;
        CHECK(kept < 100'000);
    }
    CHECK_EQ(service.kept_count(), kept);
    manager.hear();
    CHECK_EQ(manager.count("FDSTORE=1"), kept);
    CHECK(service.keep("b", fd));
}

// What it was not told to drop it has still. Another descriptor under the same name it would have besides: the next
// daemon might be given the wrong one.
void drop_that_was_not_heard() {
    StandIn manager;
    ServiceManager service(given_by(manager));
    const Fd fd = memory();
    size_t kept = 0;
    while (service.keep("a." + std::to_string(kept), fd)) {
        ++kept;
        CHECK(kept < 100'000);
    }
    service.drop("a.0");
    service.drop("a.1");
    CHECK(!service.keep("a.0", memory()));
    manager.hear();
    CHECK_EQ(manager.count("FDSTOREREMOVE=1"), 0);
    const Fd next = memory();
    CHECK(service.keep("a.0", next));
    manager.hear();
    CHECK_EQ(manager.all().size(), kept + 2);
    CHECK_EQ(manager.all()[kept].text, "FDSTOREREMOVE=1\nFDNAME=a.0");
    CHECK(same_file(manager.all()[kept + 1].fds[0], next.get()));
    // Its memory is not lost either: the manager is told as soon as it reads.
    await("it is told of a.1", [&] {
        const std::uint64_t sleep_ns = service.turn(false, [] { return std::string(); });
        manager.hear();
        const bool told = manager.all().back().text == "FDSTOREREMOVE=1\nFDNAME=a.1";
        CHECK(told || sleep_ns != UINT64_MAX); // it comes back
        return told;
    });
    CHECK_EQ(service.kept_count(), kept - 1);
    CHECK_EQ(manager.count("FDSTOREREMOVE=1"), 2);
}

// READY comes when the manager has read all that was kept, and not before.
void ready_waits_for_what_is_kept() {
    StandIn manager;
    const std::string address = manager.address();
    Child child([&] {
        ServiceManager service(given_by(manager));
        CHECK(service.keep("a", memory()));
        service.ready();
    });
    await("it waits for the manager", [&] {
        manager.hear(); // closes the barrier as it comes
        return manager.count("READY=1") == 1;
    });
    child.join();
    CHECK_EQ(manager.all().size(), 3);
    CHECK(manager.all()[0].has("FDSTORE=1"));
    CHECK(manager.all()[1].has("BARRIER=1"));
    CHECK(manager.all()[2].has("READY=1"));
}

constexpr Case cases[] = {
    {"names and descriptors arrive", names_and_descriptors_arrive},
    {"kept again replaces", kept_again_replaces},
    {"nothing without a manager", nothing_without_a_manager},
    {"names fit into the environment", names_fit_into_the_environment},
    {"names that were left count", names_that_were_left_count},
    {"status now and then", status_now_and_then},
    {"manager that does not read", manager_that_does_not_read},
    {"drop that was not heard", drop_that_was_not_heard},
    {"ready waits for what is kept", ready_waits_for_what_is_kept},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("keeping", uakv::test::cases);
}
