// Who belongs to which tenant: by what the kernel says of the peer, whatever it asks for.
#include "daemon/control/tenants.h"
#include "served.h"
#include "support/check.h"

#include <algorithm>
#include <string>
#include <unistd.h>
#include <vector>

namespace uakv::test {
namespace {

constexpr uid_t alice = 70'001;
constexpr uid_t bob = 70'002;
constexpr uid_t carol = 70'003;
constexpr uid_t stranger = 70'004;
constexpr gid_t research = 80'001;
constexpr gid_t admins = 80'002;
constexpr gid_t nowhere = 80'009;

PeerIdentity peer(uid_t user, gid_t group = nowhere, std::vector<gid_t> groups = {}) {
    return {1, user, group, std::move(groups)};
}

// chat: alice stores, carol reads. batch: bob and the group research store, and so does alice, who comes to chat first.
Settings two_tenants() {
    TenantSettings chat = tenant_settings("chat");
    chat.members.users = {alice};
    chat.readers.users = {carol};
    TenantSettings batch = tenant_settings("batch");
    batch.members.users = {bob, alice};
    batch.members.groups = {research};
    return settings_of({chat, batch});
}

std::unique_ptr<Tenants> make(const Settings &settings) {
    auto tenants = Tenants::create(settings);
    CHECK_MESSAGE(tenants.ok(), tenants.ok() ? "" : tenants.error().detail);
    return std::move(tenants.value());
}

std::string chosen(const Tenants &tenants, const PeerIdentity &who, const std::string &name) {
    auto tenant = tenants.choose(who, name);
    return tenant.ok() ? tenant.value()->name() : "";
}

std::string names(const std::vector<Tenant *> &tenants) {
    std::string text;
    for (const Tenant *tenant : tenants) {
        text += tenant->name() + " ";
    }
    return text;
}

void by_user_and_group() {
    const auto tenants = make(two_tenants());
    CHECK_EQ(chosen(*tenants, peer(alice), ""), "chat"); // the first of hers
    CHECK_EQ(chosen(*tenants, peer(alice), "batch"), "batch");
    CHECK_EQ(chosen(*tenants, peer(bob), ""), "batch");
    CHECK_EQ(chosen(*tenants, peer(stranger, research), ""), "batch");
    CHECK_EQ(chosen(*tenants, peer(stranger, nowhere, {admins, research}), "batch"), "batch");
    CHECK_EQ(chosen(*tenants, peer(stranger, admins), ""), "");
    CHECK(tenants->admit(peer(bob)).ok());
    CHECK(tenants->admit(peer(carol)).ok());
    CHECK_STATUS(tenants->admit(peer(stranger)).error().status, UAKV_ERR_DENIED);
}

// Nobody can tell a tenant of others from one that does not exist.
void others_do_not_exist() {
    const auto tenants = make(two_tenants());
    auto others = tenants->choose(peer(bob), "chat");
    auto missing = tenants->choose(peer(bob), "chut");
    CHECK(!others.ok() && !missing.ok());
    CHECK_STATUS(others.error().status, missing.error().status);
    std::string detail = others.error().detail;
    detail.replace(detail.find("chat"), 4, "chut");
    CHECK_EQ(detail, missing.error().detail);
    CHECK_EQ(names(tenants->visible_to(peer(bob))), "batch ");
    CHECK_EQ(names(tenants->visible_to(peer(alice))), "chat batch ");
    CHECK_EQ(names(tenants->visible_to(peer(stranger))), "");
}

void readers() {
    const auto tenants = make(two_tenants());
    const Tenant &chat = *tenants->choose(peer(carol), "").value();
    CHECK_EQ(chat.name(), "chat");
    CHECK(!tenants->may_store(peer(carol), chat));
    CHECK(tenants->may_store(peer(alice), chat));
    CHECK(!tenants->may_store(peer(bob), chat));
}

void admins_belong_everywhere() {
    Settings settings = two_tenants();
    settings.admin_group = admins;
    const auto tenants = make(settings);
    for (const PeerIdentity &who : {peer(0), peer(::geteuid()), peer(stranger, admins), peer(bob, nowhere, {admins})}) {
        CHECK(tenants->is_admin(who));
        CHECK_EQ(chosen(*tenants, who, ""), "chat");
        CHECK_EQ(chosen(*tenants, who, "batch"), "batch");
        CHECK_EQ(chosen(*tenants, who, "chut"), "");
        CHECK(tenants->may_store(who, *tenants->all()[0]));
    }
    CHECK(!tenants->is_admin(peer(alice)));
    CHECK(!make(two_tenants())->is_admin(peer(stranger, admins)));
}

void whom_the_socket_must_let_in() {
    CHECK(make(two_tenants())->for_others());
    Settings own = settings_of({tenant_settings("default")});
    own.tenants[0].members.users = {::geteuid()};
    own.tenants[0].members.groups = {::getegid()};
    CHECK(!make(own)->for_others());
    own.admin_group = ::getegid();
    CHECK(!make(own)->for_others());
    own.admin_group = admins;
    CHECK(make(own)->for_others());
    own.admin_group.reset();
    own.tenants[0].readers.users = {carol};
    CHECK(make(own)->for_others());
}

bool mentions(const std::vector<std::string> &sentences, const std::string &words) {
    return std::any_of(sentences.begin(), sentences.end(),
                       [&](const std::string &sentence) { return sentence.find(words) != std::string::npos; });
}

void what_can_change_does() {
    Settings settings = two_tenants();
    const auto tenants = make(settings);
    Tenant &chat = *tenants->all()[0];
    auto held = chat.clients().charge(3);
    settings.admin_group = admins;
    settings.single_flight_ms = 77;
    settings.tenants[0].members.users = {bob};
    settings.tenants[0].clients_max = 2;
    settings.tenants[0].descriptors_max = 10;
    settings.tenants[0].operations_per_second = 1;
    settings.tenants[0].leased_bytes_max = 5;
    settings.tenants[0].lease_ms_max = 6;
    CHECK(tenants->reconfigure(settings).empty());
    CHECK_EQ(chosen(*tenants, peer(alice), ""), "batch");
    CHECK_EQ(chosen(*tenants, peer(bob), ""), "chat");
    CHECK(tenants->is_admin(peer(stranger, admins)));
    CHECK_EQ(chat.flight_ns_max(), 77 * ns_per_ms);
    CHECK_EQ(chat.settings().leased_bytes_max, 5);
    CHECK_EQ(chat.settings().lease_ms_max, 6);
    CHECK_EQ(chat.clients().used(), 3); // who is there stays
    CHECK(!chat.clients().charge(1));
    CHECK(!chat.descriptors().charge(11));
    CHECK(chat.operations().take(now_ns()));
    CHECK(!chat.operations().take(now_ns()));
}

void what_cannot_change_is_named() {
    Settings settings = two_tenants();
    const auto tenants = make(settings);
    settings.tenants[0].memory_bytes *= 2;
    std::swap(settings.tenants[0], settings.tenants[1]);
    settings.tenants.push_back(tenant_settings("new"));
    settings.evict = false;
    const auto sentences = tenants->reconfigure(settings);
    CHECK_EQ(sentences.size(), 3);
    CHECK(mentions(sentences, "another memory of tenant \"chat\""));
    CHECK(mentions(sentences, "another order"));
    CHECK(mentions(sentences, "the new tenant \"new\""));
    CHECK_EQ(tenants->all().size(), 2);
    CHECK_EQ(chosen(*tenants, peer(alice), ""), "chat"); // the old order
    CHECK_EQ(tenants->all()[0]->settings().memory_bytes, limits::memory_bytes_min);
    settings.tenants = {settings.tenants[1]};
    CHECK(mentions(tenants->reconfigure(settings), "the end of tenant \"batch\""));
    CHECK_EQ(chosen(*tenants, peer(bob), ""), "batch"); // it goes on as it was
}

// Each has a cache of its own.
void nothing_is_shared() {
    const auto tenants = make(two_tenants());
    Tenant &chat = *tenants->all()[0];
    Tenant &batch = *tenants->all()[1];
    SpaceDescription space;
    space.block_bytes = 4096;
    space.name[0] = 'x';
    CHECK(chat.host().store().spaces().open(space, true).ok());
    CHECK_EQ(batch.host().store().spaces().count(), 0);
    CHECK(chat.host().index().get() != batch.host().index().get());
    CHECK_EQ(chat.host().statistics().spaces, 1);
    CHECK_EQ(batch.host().statistics().spaces, 0);
}

constexpr Case cases[] = {
    {"by_user_and_group", by_user_and_group},
    {"others_do_not_exist", others_do_not_exist},
    {"readers", readers},
    {"admins_belong_everywhere", admins_belong_everywhere},
    {"whom_the_socket_must_let_in", whom_the_socket_must_let_in},
    {"what_can_change_does", what_can_change_does},
    {"what_cannot_change_is_named", what_cannot_change_is_named},
    {"nothing_is_shared", nothing_is_shared},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("tenants", uakv::test::cases);
}
