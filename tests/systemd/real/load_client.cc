#include "systemd/real/load.h"

#include "support/check.h"
#include "support/client.h"
#include "support/pattern.h"

#include <algorithm>
#include <string>
#include <vector>

namespace uakv::test {
namespace {

constexpr std::size_t held_views = 8;
constexpr std::size_t open_slots = 2;
constexpr std::size_t own_blocks = 64;
constexpr uint32_t timeout_ms = 20'000;

enum class Known { absent, stored, unsure };

class LoadClient {
public:
    LoadClient(uakv_space *space, const LoadOptions &options, LoadProgress &progress, std::size_t number)
        : space_(space), options_(options), progress_(progress), counts_(progress.client[number]),
          name_("own/" + std::to_string(number)), random_(options.seed * load_clients_max + number),
          copy_(options.bytes) {}

    void step();
    void finish();

private:
    struct Held {
        uakv_view view = {};
        uakv_key key = {};
        uint64_t deaths = 0;
    };
    struct Open {
        uakv_slot slot = {};
        std::size_t own = 0;
        uint64_t deaths = 0;
    };
    struct Own {
        uakv_key key = {};
        Known known = Known::absent;
        bool reserved = false;
    };

    uint64_t deaths() const { return progress_.deaths.load(); }
    void check(const void *data, std::size_t n, const uakv_key &key);
    void retrieve_common();
    void retrieve_own();
    void store();
    void remove();
    void reserve();
    void hold(const uakv_view &view, const uakv_key &key, uint64_t deaths_before);
    void release(Held &held);
    void end_slot(Open &open);
    bool went_through(uakv_status status, uint64_t deaths_before);
    Own &any_own();

    uakv_space *space_;
    const LoadOptions &options_;
    LoadProgress &progress_;
    LoadProgress::Client &counts_;
    std::string name_;
    Random random_;
    std::vector<uint8_t> copy_;
    uint64_t next_number_ = 0;
    Own own_[own_blocks];
    Held views_[held_views];
    Open slots_[open_slots];
};

// A few of them are looked at for each that needs the daemon.
void LoadClient::step() {
    const uint64_t choice = random_.below(100);
    if (choice < 70) {
        retrieve_common();
    } else if (choice < 80) {
        retrieve_own();
    } else if (choice < 90) {
        store();
    } else if (choice < 95) {
        reserve();
    } else {
        remove();
    }
}

void LoadClient::check(const void *data, std::size_t n, const uakv_key &key) {
    CHECK_EQ(n, options_.bytes);
    check_block(data, n, key);
}

// What a call came to that began after so many deaths. A client may be disconnected as long as it has not attached to
// the newest daemon, and that one is not about to be ended; a key that is new cannot be stored already.
bool LoadClient::went_through(uakv_status status, uint64_t deaths_before) {
    if (status == UAKV_ERR_DISCONNECTED && progress_.ends_begun.load() > counts_.attached_after.load()) {
        counts_.disconnected.fetch_add(1);
        return false;
    }
    CHECK_STATUS(status, UAKV_OK);
    if (deaths_before > counts_.attached_after.load()) {
        counts_.attached_after.store(deaths_before);
    }
    return true;
}

// Whoever is there: it must be found.
void LoadClient::retrieve_common() {
    const uakv_key key = common_key(random_.below(options_.blocks));
    const uint64_t deaths_before = deaths();
    const bool away = progress_.away.load();
    uakv_view view;
    const uakv_status status = uakv_retrieve(space_, &key, nullptr, &view);
    CHECK_MESSAGE(status == UAKV_OK, std::string("a common block: ") + uakv_status_name(status) + " after " +
                                         std::to_string(deaths_before) + " deaths (" + last_error() + ")");
    counts_.retrieves.fetch_add(1);
    if (away && progress_.away.load() && deaths() == deaths_before) {
        counts_.retrieves_away.fetch_add(1);
    }
    hold(view, key, deaths_before);
}

LoadClient::Own &LoadClient::any_own() {
    return own_[random_.below(own_blocks)];
}

void LoadClient::retrieve_own() {
    Own &own = any_own();
    const uint64_t deaths_before = deaths();
    uakv_view view;
    const uakv_status status = uakv_retrieve(space_, &own.key, nullptr, &view);
    if (status == UAKV_OK) {
        CHECK_MESSAGE(own.known != Known::absent, "a block that was removed is there");
        hold(view, own.key, deaths_before);
    } else {
        CHECK_STATUS(status, UAKV_MISS);
        CHECK_MESSAGE(own.known != Known::stored || options_.pressure, "a block that was stored is missing");
    }
}

// A view is kept for a while in a random place: whatever lay there is checked once more and released.
void LoadClient::hold(const uakv_view &view, const uakv_key &key, uint64_t deaths_before) {
    check(view.data, view.nbytes, key);
    Held &place = views_[random_.below(held_views)];
    release(place);
    place = {view, key, deaths_before};
}

void LoadClient::release(Held &held) {
    if (held.view.data == nullptr) {
        return;
    }
    check(held.view.data, held.view.nbytes, held.key);
    CHECK_STATUS(uakv_release(&held.view), UAKV_OK);
    if (deaths() != held.deaths) {
        counts_.views_carried.fetch_add(1);
    }
    held.view = {};
}

// Each block of one's own has a key that was never used before.
void LoadClient::store() {
    Own &own = any_own();
    if (own.known != Known::absent || own.reserved) {
        return;
    }
    own.key = make_key(name_, next_number_++);
    fill_block(copy_.data(), copy_.size(), own.key);
    const uint64_t deaths_before = deaths();
    const uakv_status status = uakv_store(space_, &own.key, copy_.data(), copy_.size(), nullptr);
    if (status == UAKV_ERR_NO_SPACE && options_.pressure) {
        return; // all is pinned, leased or granted at this moment
    }
    own.known = went_through(status, deaths_before) ? Known::stored : Known::unsure;
    counts_.stores.fetch_add(1);
}

void LoadClient::remove() {
    Own &own = any_own();
    if (own.known == Known::absent || own.reserved) {
        return;
    }
    const uint64_t deaths_before = deaths();
    const uakv_status status = uakv_remove(space_, &own.key, 1, nullptr);
    own.known = went_through(status, deaths_before) ? Known::absent : Known::unsure;
    counts_.removals.fetch_add(1);
}

// A slot stays open for a while, half of it filled: whatever lay in its place is committed or aborted.
void LoadClient::reserve() {
    Open &place = slots_[random_.below(open_slots)];
    end_slot(place);
    const std::size_t number = random_.below(own_blocks);
    Own &own = own_[number];
    if (own.known != Known::absent || own.reserved) {
        return;
    }
    own.key = make_key(name_, next_number_++);
    const uint64_t deaths_before = deaths();
    const uakv_status status = uakv_reserve(space_, &own.key, options_.bytes, nullptr, &place.slot);
    if (status != UAKV_OK) {
        place.slot = {};
        if (status != UAKV_ERR_NO_SPACE || !options_.pressure) {
            went_through(status, deaths_before);
        }
        return;
    }
    place.own = number;
    place.deaths = deaths_before;
    own.reserved = true;
    fill_block(copy_.data(), copy_.size(), own.key);
    std::copy_n(copy_.data(), place.slot.nbytes / 2, static_cast<uint8_t *>(place.slot.data));
}

// What was written before a death of the daemon is still in the slot: only the other half is filled now.
void LoadClient::end_slot(Open &open) {
    if (open.slot.data == nullptr) {
        return;
    }
    Own &own = own_[open.own];
    own.reserved = false;
    const uint64_t deaths_before = deaths();
    if (random_.below(4) == 0) {
        const uakv_status status = uakv_abort(&open.slot);
        CHECK_STATUS(status, UAKV_OK);
        open.slot = {};
        return;
    }
    fill_block(copy_.data(), copy_.size(), own.key);
    const std::size_t half = open.slot.nbytes / 2;
    std::copy(copy_.data() + half, copy_.data() + open.slot.nbytes, static_cast<uint8_t *>(open.slot.data) + half);
    const uakv_status status = uakv_commit(&open.slot);
    own.known = went_through(status, deaths_before) ? Known::stored : Known::unsure;
    if (own.known == Known::stored && deaths_before != open.deaths) {
        counts_.slots_carried.fetch_add(1);
    }
    open.slot = {};
}

void LoadClient::finish() {
    for (Held &held : views_) {
        release(held);
    }
    for (Open &open : slots_) {
        end_slot(open);
    }
}

} // namespace

uakv_key common_key(std::size_t block) {
    return make_key("common", block);
}

void load_client(const LoadOptions &options, LoadProgress &progress, std::size_t number) {
    uakv_client *client = nullptr;
    CHECK_STATUS(connect_to(options.socket, 0, timeout_ms, &client), UAKV_OK);
    {
        Space space(client, "load");
        LoadClient load(space, options, progress, number);
        while (!progress.stop.load()) {
            load.step();
        }
        load.finish();
    }
    uakv_disconnect(client);
}

} // namespace uakv::test
