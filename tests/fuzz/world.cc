#include "world.h"

#include "daemon/base/log.h"
#include "ipc/clock.h"
#include "ipc/control_message.h"
#include "walk.h"

#include <algorithm>
#include <poll.h>
#include <sys/socket.h>

namespace uakv::fuzz {
namespace {

constexpr std::size_t spaces_worn = 256;
constexpr std::uint32_t submissions_max = 3000;
constexpr std::size_t players_max = 8;
constexpr uid_t alice = 70'001, bob = 70'002, carol = 70'003, dora = 70'004;
constexpr gid_t readers = 80'001;

TenantSettings tenant_settings(const char *name, std::vector<uid_t> users) {
    TenantSettings tenant;
    tenant.name = name;
    tenant.memory_bytes = limits::memory_bytes_min;
    tenant.pinned_bytes_max = limits::memory_bytes_min / 2;
    tenant.members.users = std::move(users);
    tenant.readers.groups = {readers};
    return tenant;
}

// One tenant without limits, and one whose limits are met soon.
Settings standard_settings() {
    Settings settings;
    settings.tenants = {tenant_settings("wide", {alice, dora}), tenant_settings("tight", {bob, dora})};
    TenantSettings &tight = settings.tenants[1];
    tight.clients_max = 2;
    tight.descriptors_max = 2 * Session::descriptors;
    tight.operations_per_second = 30;
    tight.leased_bytes_max = 64 << 10;
    tight.pinned_bytes_max = 128 << 10;
    settings.memory_bytes = settings.tenants.size() * limits::memory_bytes_min;
    return settings;
}

void let_memory_come(Store &store) {
    while (store.slots().segments() < limits::memory_bytes_min / limits::segment_bytes_min) {
        pollfd entry{store.segment_event().get(), POLLIN, 0};
        ::poll(&entry, 1, 1000);
        store.take_segments();
    }
}

void remove_all_blocks(Store &store) {
    for (SpaceId space = 0; space < store.spaces().count(); ++space) {
        EntryId cursor = 0;
        std::uint64_t removed = 0;
        while (!store.clear_some(space, cursor, UINT32_MAX, removed)) {
        }
    }
    store.revisit_limbo();
}

} // namespace

Player::Player(std::uint32_t number, const PeerIdentity &peer) : submissions_left(submissions_max) {
    int pair[2];
    UAKV_ASSERT(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    socket = Fd(pair[1]);
    session = std::make_unique<Session>(number, Fd(pair[0]), peer);
}

World::World() {
    set_log_level(LogLevel::error);
    auto tenants = Tenants::create(standard_settings());
    UAKV_ASSERT(tenants.ok());
    tenants_ = std::move(tenants.value());
    for (const auto &tenant : tenants_->all()) {
        let_memory_come(tenant->host().store());
        auto index = Mapping::map(tenant->host().index(), tenant->host().store().index().bytes(), Access::read_only);
        UAKV_ASSERT(index.ok());
        indexes_.push_back(std::move(index.value()));
    }
    reports_ = std::make_unique<Reports>(*tenants_, stages_, "socket", "loop");
    greeting_ = std::make_unique<Greeting>(*tenants_, *reports_, nullptr);
    dispatcher_ = std::make_unique<Dispatcher>(stages_);
}

bool World::is_worn() const {
    return std::any_of(tenants_->all().begin(), tenants_->all().end(),
                       [](const auto &tenant) { return tenant->host().store().spaces().count() > spaces_worn; });
}

World &World::get() {
    static std::unique_ptr<World> world;
    if (!world || world->is_worn()) {
        world.reset();
        world.reset(new World());
    }
    return *world;
}

PeerIdentity World::peer(std::size_t which) {
    const PeerIdentity all[peers] = {
        {1, alice, 1, {}},        {2, bob, 2, {}},    {3, dora, 3, {}}, {4, carol, readers, {}},
        {5, carol, 5, {readers}}, {6, 70'009, 6, {}}, {7, 0, 0, {}}};
    return all[which % peers];
}

Player *World::connect(const PeerIdentity &peer) {
    if (players_.size() == players_max || !tenants_->admit(peer).ok()) {
        return nullptr;
    }
    players_.push_back(std::make_unique<Player>(next_number_++, peer));
    return players_.back().get();
}

void World::say(Player &player, const void *data, std::size_t size) {
    if (player.session->ended) {
        return;
    }
    Received message;
    message.state = Received::State::message;
    message.length = std::min(size, message.bytes.size());
    std::memcpy(message.bytes.data(), data, message.length);
    std::string violation;
    if (greeting_->answer(*player.session, message, violation) == Greeting::Next::violation) {
        UAKV_ASSERT(!violation.empty());
        end(player);
    }
}

void World::serve(Player &player) {
    if (!player.serving()) {
        return;
    }
    now_ns_ += ns_per_ms;
    std::string violation;
    const auto served = dispatcher_->serve(*player.session, now_ns_, violation);
    if (served == Dispatcher::Served::violation) {
        UAKV_ASSERT(!violation.empty());
        end(player);
        return;
    }
    const SessionHeader &header = player.shared().header;
    UAKV_ASSERT(player.lied || header.submission_head - header.completion_tail == player.session->unanswered());
}

void World::drain_touches(Player &player) {
    if (player.serving() && !player.session->drain_touches()) {
        end(player);
    }
}

void World::end(Player &player) {
    if (std::exchange(player.session->ended, true)) {
        return;
    }
    Greeting::say_why(*player.session, error(UAKV_ERR_INVALID, "nonsense"));
    shut_down_sending(player.session->socket());
    if (player.session->welcomed()) {
        dispatcher_->leave(*player.session);
    }
}

void World::hang_up(std::size_t which) {
    const auto player = players_.begin() + static_cast<std::ptrdiff_t>(which % players_.size());
    if ((*player)->session->welcomed()) {
        dispatcher_->leave(*(*player)->session);
    }
    players_.erase(player);
}

void World::expire_flights(std::uint64_t now) {
    for (Cache *cache : tenants_->caches()) {
        if (cache->flights().next_late_ns(cache->tenant().flight_ns_max()) <= now) {
            dispatcher_->expire_flights(*cache, now);
        }
    }
}

void World::submit(Player &player, const Submission &submission) {
    if (player.submissions_left == 0) {
        return;
    }
    --player.submissions_left;
    SessionLayout &shared = player.shared();
    write_words(shared.submissions[player.tail % limits::submissions], submission);
    store_release(shared.header.submission_tail, ++player.tail);
}

void World::read_completions(Player &player) {
    SessionLayout &shared = player.shared();
    const std::uint32_t tail = load_acquire(shared.header.completion_tail);
    if (tail - player.head > limits::completions) {
        player.head = tail; // it has told the daemon another head than it has
    }
    for (; player.head != tail; ++player.head) {
        const Completion &completion = shared.completions[player.head % limits::completions];
        if (completion.capacity != 0) {
            player.slots.push_back({completion.segment, completion.slot});
        }
    }
    store_release(shared.header.completion_head, player.head);
}

void World::reconfigure(std::uint32_t choice) {
    Settings settings = standard_settings();
    settings.evict = choice % 2 == 0;
    settings.gc_threshold = choice / 2 % 2 == 0 ? settings.gc_threshold : 0.5;
    settings.single_flight_ms = choice / 4 % 2 == 0 ? 10'000 : 1;
    settings.tenants[choice / 8 % 2].operations_per_second = choice / 16 % 2 == 0 ? 0 : 3;
    settings.tenants[choice / 8 % 2].leased_bytes_max = choice / 32 % 2 == 0 ? 0 : 4096;
    settings.tenants[choice / 8 % 2].pinned_bytes_max = choice / 64 % 2 == 0 ? limits::memory_bytes_min : 4096;
    tenants_->reconfigure(settings);
}

void World::check() {
    std::uint64_t clients = 0;
    for (std::size_t i = 0; i < indexes_.size(); ++i) {
        walk(tenant(i), indexes_[i]);
        clients += tenant(i).clients().used();
    }
    UAKV_ASSERT(tenants_->clients().used() == clients);
}

void World::clear() {
    check();
    while (!players_.empty()) {
        hang_up(0);
    }
    while (dispatcher_->continue_clears()) { // what clients began goes on without them
    }
    for (std::size_t i = 0; i < indexes_.size(); ++i) {
        Store &store = tenant(i).host().store();
        store.maintain();
        remove_all_blocks(store);
        store.maintain();
        UAKV_ASSERT(tenant(i).host().flights().count() == 0 && store.leases().count() == 0 && !store.has_limbo());
        UAKV_ASSERT(store.slots().granted_slots() == 0);
        UAKV_ASSERT(store.slots().unassigned_segments() == store.slots().segments());
    }
    tenants_->reconfigure(standard_settings());
    check();
}

SpaceDescription space_description(std::size_t which) {
    SpaceDescription space;
    space.block_bytes = which % 2 == 0 ? limits::segment_bytes_min : 8192;
    set_text(space.name, which % 4 == 0 ? "one" : which % 4 == 1 ? "two" : which % 4 == 2 ? "three" : "four");
    return space;
}

uakv_key key_of(std::size_t which) {
    uakv_key key{};
    key.bytes[0] = static_cast<std::uint8_t>(which);
    key.bytes[1] = static_cast<std::uint8_t>(which >> 8);
    return key;
}

} // namespace uakv::fuzz
