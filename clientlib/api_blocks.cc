// Storing and retrieving blocks: each exported function checks its arguments and makes one call.
#include "clientlib/arguments.h"
#include "clientlib/calls.h"
#include "clientlib/hit.h"

using namespace uakv;

namespace {

constexpr std::uint64_t timeout_of(std::uint32_t timeout_ms) {
    return timeout_ms * ns_per_ms;
}

// uakv_remove, uakv_pin and uakv_prefetch. Sets count only when there was no error.
uakv_status ask_keys(uakv_space &space, Opcode opcode, std::span<const uakv_key> keys, std::uint32_t ttl_ms,
                     std::optional<TimedCall> timed, std::size_t *count) {
    auto setting = begin_call(*space.client, timed);
    if (!setting.ok()) {
        return fail(setting.error());
    }
    KeysCall asked(std::move(setting.value()), opcode, space, keys, ttl_ms);
    const uakv_status status = run(asked);
    if (count != nullptr && status >= 0) {
        *count = asked.count();
    }
    return status;
}

} // namespace

extern "C" {

uakv_status uakv_store(uakv_space *space, const uakv_key *key, const void *data, size_t n,
                       const uakv_store_options *options) {
    constexpr const char *call = "uakv_store";
    return guarded(call, [&]() -> uakv_status {
        uakv_store_options complete;
        if (const uakv_status status = check_copy_in(call, space, key, data, n); status != UAKV_OK) {
            return status;
        }
        if (const uakv_status status = read_store_options(call, options, complete); status != UAKV_OK) {
            return status;
        }
        auto setting = begin_call(*space->client, TimedCall::store);
        if (!setting.ok()) {
            return fail(setting.error());
        }
        StoreCall store(std::move(setting.value()), *space, *key, data, n, complete);
        return run(store);
    });
}

uakv_status uakv_reserve(uakv_space *space, const uakv_key *key, size_t n, const uakv_store_options *options,
                         uakv_slot *out) {
    constexpr const char *call = "uakv_reserve";
    return guarded(call, [&]() -> uakv_status {
        uakv_store_options complete;
        if (const uakv_status status = check_block(call, space, key, n); status != UAKV_OK) {
            return status;
        }
        if (out == nullptr) {
            return null_argument(call, "out");
        }
        if (const uakv_status status = read_store_options(call, options, complete); status != UAKV_OK) {
            return status;
        }
        auto setting = begin_call(*space->client, TimedCall::reserve);
        if (!setting.ok()) {
            return fail(setting.error());
        }
        StoreCall reserve(std::move(setting.value()), *space, *key, nullptr, n, complete);
        const uakv_status status = run(reserve);
        if (status == UAKV_OK) {
            *out = reserve.take_slot();
        }
        return status;
    });
}

uakv_status uakv_commit(uakv_slot *slot) {
    constexpr const char *call = "uakv_commit";
    return guarded(call, [&]() -> uakv_status {
        if (slot == nullptr) {
            return null_argument(call, "slot");
        }
        Reservation reservation;
        if (const uakv_status status = take_reservation(*slot, reservation); status != UAKV_OK) {
            return status;
        }
        auto setting = begin_commit(reservation);
        if (!setting.ok()) {
            return fail(setting.error());
        }
        CommitCall commit(std::move(setting.value()), std::move(reservation));
        return run(commit);
    });
}

uakv_status uakv_abort(uakv_slot *slot) {
    constexpr const char *call = "uakv_abort";
    return guarded(call, [&] { return slot == nullptr ? null_argument(call, "slot") : uakv::abort(*slot); });
}

uakv_status uakv_store_many(uakv_space *space, const uakv_key *keys, const void *const *data, const size_t *n,
                            size_t count, uakv_status *each) {
    constexpr const char *call = "uakv_store_many";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_blocks(call, space, keys, data, n, count); status != UAKV_OK) {
            return status;
        }
        auto setting = begin_call(*space->client, std::nullopt);
        if (!setting.ok()) {
            return fail(setting.error());
        }
        StoreManyCall store(std::move(setting.value()), *space, {keys, count}, data, n, each);
        return run(store);
    });
}

uakv_status uakv_retrieve_or_reserve(uakv_space *space, const uakv_key *key, size_t n, uint32_t timeout_ms,
                                     uakv_view *view, uakv_slot *slot) {
    constexpr const char *call = "uakv_retrieve_or_reserve";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_block(call, space, key, n); status != UAKV_OK) {
            return status;
        }
        if (view == nullptr || slot == nullptr) {
            return null_argument(call, view == nullptr ? "view" : "slot");
        }
        auto setting = begin_call(*space->client, TimedCall::flight, timeout_of(timeout_ms));
        if (!setting.ok()) {
            return find_without_daemon(*space, *key, *view) ? UAKV_OK : fail(setting.error());
        }
        FlightCall flight(std::move(setting.value()), *space, *key, n);
        const uakv_status status = run(flight);
        if (status == UAKV_OK) {
            *view = flight.view();
        } else if (status == UAKV_MISS) {
            *slot = flight.take_slot();
        }
        return status;
    });
}

uakv_status uakv_retrieve(uakv_space *space, const uakv_key *key, const uakv_retrieve_options *options,
                          uakv_view *out) {
    constexpr const char *call = "uakv_retrieve";
    return guarded(call, [&]() -> uakv_status {
        RetrieveRequest request;
        if (const uakv_status status = check_key(call, space, key); status != UAKV_OK) {
            return status;
        }
        if (out == nullptr) {
            return null_argument(call, "out");
        }
        const uakv_status status = read_retrieve_options(call, *space, options, request);
        return status != UAKV_OK ? status : hit(*space, *key, request, *out);
    });
}

uakv_status uakv_release(uakv_view *view) {
    constexpr const char *call = "uakv_release";
    return guarded(call, [&] { return view == nullptr ? null_argument(call, "view") : release(*view); });
}

uakv_status uakv_retrieve_into(uakv_space *space, const uakv_key *key, void *dst, size_t cap, size_t *n,
                               const uakv_retrieve_options *options) {
    constexpr const char *call = "uakv_retrieve_into";
    return guarded(call, [&]() -> uakv_status {
        RetrieveRequest request;
        if (const uakv_status status = check_copy_out(call, space, key, dst, cap); status != UAKV_OK) {
            return status;
        }
        const uakv_status status = read_retrieve_options(call, *space, options, request);
        if (status != UAKV_OK) {
            return status;
        }
        CopyTarget target{static_cast<std::byte *>(dst), cap, 0};
        const uakv_status copied = retrieve_into(*space, *key, request, target);
        if (n != nullptr && (copied == UAKV_OK || copied == UAKV_ERR_TOO_LARGE)) {
            *n = target.length;
        }
        return copied;
    });
}

uakv_status uakv_retrieve_many(uakv_space *space, const uakv_key *keys, size_t count, uakv_view *views,
                               uakv_status *each) { // NOLINT(readability-non-const-parameter): written to by the call
    constexpr const char *call = "uakv_retrieve_many";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_views(call, space, keys, count, views); status != UAKV_OK) {
            return status;
        }
        RetrieveRequest request;
        request.timeout_ns = space->client->timeout_ns;
        ManyViews all{{keys, count}, views, each, UAKV_OK};
        return retrieve_many(*space, request, all);
    });
}

uakv_status uakv_match_prefix(uakv_space *space, const uakv_key *keys, size_t count, size_t *matched, uint8_t *tiers) {
    constexpr const char *call = "uakv_match_prefix";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_keys(call, space, keys, count); status != UAKV_OK) {
            return status;
        }
        if (matched == nullptr) {
            return null_argument(call, "matched");
        }
        return match_prefix(*space, {keys, count}, *matched, tiers);
    });
}

uakv_status uakv_contains(uakv_space *space, const uakv_key *keys, size_t count, uint8_t *tiers) {
    constexpr const char *call = "uakv_contains";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_keys(call, space, keys, count); status != UAKV_OK) {
            return status;
        }
        if (count > 0 && tiers == nullptr) {
            return null_argument(call, "tiers");
        }
        return contains(*space, {keys, count}, tiers);
    });
}

uakv_status uakv_remove(uakv_space *space, const uakv_key *keys, size_t count, size_t *removed) {
    constexpr const char *call = "uakv_remove";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_keys(call, space, keys, count); status != UAKV_OK) {
            return status;
        }
        return ask_keys(*space, Opcode::remove, {keys, count}, 0, TimedCall::remove, removed);
    });
}

uakv_status uakv_pin(uakv_space *space, const uakv_key *keys, size_t count, uint32_t ttl_ms) {
    constexpr const char *call = "uakv_pin";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_keys(call, space, keys, count); status != UAKV_OK) {
            return status;
        }
        return ask_keys(*space, Opcode::pin, {keys, count}, ttl_ms, std::nullopt, nullptr);
    });
}

uakv_status uakv_prefetch(uakv_space *space, const uakv_key *keys, size_t count, uint8_t tier) {
    constexpr const char *call = "uakv_prefetch";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_prefetch(call, space, keys, count, tier); status != UAKV_OK) {
            return status;
        }
        return ask_keys(*space, Opcode::prefetch, {keys, count}, 0, std::nullopt, nullptr);
    });
}

uakv_status uakv_flush(uakv_space *space) {
    constexpr const char *call = "uakv_flush";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_space(call, space); status != UAKV_OK) {
            return status;
        }
        auto setting = begin_flush(*space->client);
        if (!setting.ok()) {
            return fail(setting.error());
        }
        FlushCall flush(std::move(setting.value()), *space);
        return run(flush);
    });
}

uakv_status uakv_clear(uakv_space *space) {
    constexpr const char *call = "uakv_clear";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_space(call, space); status != UAKV_OK) {
            return status;
        }
        auto setting = begin_call(*space->client, std::nullopt);
        if (!setting.ok()) {
            return fail(setting.error());
        }
        ClearCall clear(std::move(setting.value()), *space);
        return run(clear);
    });
}

} // extern "C"
