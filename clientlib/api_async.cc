// The asynchronous calls: each checks its arguments as its twin does, begins the same call and leaves it to uakv_poll.
#include "clientlib/arguments.h"
#include "clientlib/calls.h"
#include "clientlib/handles.h"

using namespace uakv;

namespace {

// What needs no daemon is over at once.
uakv_status completed(uakv_client &client, std::uint32_t kind, std::uint64_t user_data, uakv_status status,
                      const decltype(uakv_completion::result) &result) {
    client.async_calls.complete({user_data, status, kind, result});
    return UAKV_PENDING;
}

void release_all(std::span<uakv_view> views) {
    for (uakv_view &view : views) {
        if (view.data != nullptr) {
            release(view);
        }
        view = uakv_view{};
    }
}

} // namespace

extern "C" {

int uakv_event_fd(uakv_client *client) {
    constexpr const char *call = "uakv_event_fd";
    int descriptor = -1;
    guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_client(call, client); status != UAKV_OK) {
            return status;
        }
        auto made = client->async_calls.event_descriptor();
        if (!made.ok()) {
            return fail(made.error());
        }
        descriptor = made.value();
        return UAKV_OK;
    });
    return descriptor;
}

size_t uakv_poll(uakv_client *client, uakv_completion *out, size_t max, uint32_t timeout_ms) {
    constexpr const char *call = "uakv_poll";
    size_t count = 0;
    guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_client(call, client); status != UAKV_OK) {
            return status;
        }
        if (out == nullptr || max == 0) {
            return fail(UAKV_ERR_INVALID, "%s: there is no room for a completion (out is NULL or max is 0)", call);
        }
        count = client->async_calls.poll({out, max}, timeout_ms * ns_per_ms);
        return UAKV_OK;
    });
    return count;
}

uakv_status uakv_store_submit(uakv_space *space, const uakv_key *key, const void *data, size_t n,
                              const uakv_store_options *options, uint64_t user_data) {
    constexpr const char *call = "uakv_store_submit";
    return guarded(call, [&]() -> uakv_status {
        uakv_store_options complete;
        if (const uakv_status status = check_copy_in(call, space, key, data, n); status != UAKV_OK) {
            return status;
        }
        if (const uakv_status status = read_store_options(call, options, complete); status != UAKV_OK) {
            return status;
        }
        return launch<StoreCall>(*space->client, UAKV_CALL_STORE, user_data, TimedCall::store, 0, *space, *key, data, n,
                                 complete);
    });
}

uakv_status uakv_reserve_submit(uakv_space *space, const uakv_key *key, size_t n, const uakv_store_options *options,
                                uint64_t user_data) {
    constexpr const char *call = "uakv_reserve_submit";
    return guarded(call, [&]() -> uakv_status {
        uakv_store_options complete;
        if (const uakv_status status = check_block(call, space, key, n); status != UAKV_OK) {
            return status;
        }
        if (const uakv_status status = read_store_options(call, options, complete); status != UAKV_OK) {
            return status;
        }
        return launch<StoreCall>(*space->client, UAKV_CALL_RESERVE, user_data, TimedCall::reserve, 0, *space, *key,
                                 static_cast<const void *>(nullptr), n, complete);
    });
}

uakv_status uakv_commit_submit(uakv_slot *slot, uint64_t user_data) {
    constexpr const char *call = "uakv_commit_submit";
    return guarded(call, [&]() -> uakv_status {
        if (slot == nullptr) {
            return null_argument(call, "slot");
        }
        if (const uakv_client *owner = client_of_handle(slot->opaque[slot_client]);
            owner != nullptr && owner->device_cache != nullptr) {
            return fail(UAKV_ERR_INVALID, "%s: this slot is on a device; uakv_commit_on_stream does not wait either",
                        call);
        }
        Reservation reservation;
        if (const uakv_status status = take_reservation(*slot, reservation); status != UAKV_OK) {
            return status;
        }
        uakv_client &client = *reservation.space->client;
        auto setting = begin_commit(reservation);
        if (!setting.ok()) {
            *slot = open_slot(std::move(reservation));
            return fail(setting.error());
        }
        auto commit = std::make_unique<CommitCall>(std::move(setting.value()), std::move(reservation));
        CommitCall &raw = *commit;
        std::unique_ptr<Call> owned = std::move(commit);
        const uakv_status status = client.async_calls.launch(owned, UAKV_CALL_COMMIT, user_data);
        if (status != UAKV_PENDING) {
            *slot = open_slot(raw.take_reservation());
        }
        return status;
    });
}

uakv_status uakv_store_many_submit(uakv_space *space, const uakv_key *keys, const void *const *data, const size_t *n,
                                   size_t count, uakv_status *each, uint64_t user_data) {
    constexpr const char *call = "uakv_store_many_submit";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_blocks(call, space, keys, data, n, count); status != UAKV_OK) {
            return status;
        }
        return launch<StoreManyCall>(*space->client, UAKV_CALL_STORE_MANY, user_data, std::nullopt, 0, *space,
                                     std::span<const uakv_key>(keys, count), data, n, each);
    });
}

uakv_status uakv_retrieve_submit(uakv_space *space, const uakv_key *key, const uakv_retrieve_options *options,
                                 uint64_t user_data) {
    constexpr const char *call = "uakv_retrieve_submit";
    return guarded(call, [&]() -> uakv_status {
        RetrieveRequest request;
        if (const uakv_status status = check_key(call, space, key); status != UAKV_OK) {
            return status;
        }
        if (const uakv_status status = read_retrieve_options(call, *space, options, request); status != UAKV_OK) {
            return status;
        }
        request.may_wait = false;
        decltype(uakv_completion::result) result{};
        const uakv_status status = look(*space, *key, request, result.view);
        if (status == needs_load) {
            return launch<ViewCall>(*space->client, UAKV_CALL_RETRIEVE, user_data, TimedCall::load, request.timeout_ns,
                                    *space, *key, request);
        }
        return completed(*space->client, UAKV_CALL_RETRIEVE, user_data, status, result);
    });
}

uakv_status uakv_retrieve_into_submit(uakv_space *space, const uakv_key *key, void *dst, size_t cap,
                                      const uakv_retrieve_options *options, uint64_t user_data) {
    constexpr const char *call = "uakv_retrieve_into_submit";
    return guarded(call, [&]() -> uakv_status {
        RetrieveRequest request;
        if (const uakv_status status = check_copy_out(call, space, key, dst, cap); status != UAKV_OK) {
            return status;
        }
        if (const uakv_status status = read_retrieve_options(call, *space, options, request); status != UAKV_OK) {
            return status;
        }
        request.as_stored = true;
        request.may_wait = false;
        CopyTarget target{static_cast<std::byte *>(dst), cap, 0};
        const uakv_status status = copy_block(*space, *key, request, target);
        if (status == needs_load) {
            return launch<CopyCall>(*space->client, UAKV_CALL_RETRIEVE_INTO, user_data, TimedCall::load,
                                    request.timeout_ns, *space, *key, request, target);
        }
        decltype(uakv_completion::result) result{};
        result.count = target.length;
        return completed(*space->client, UAKV_CALL_RETRIEVE_INTO, user_data, status, result);
    });
}

uakv_status uakv_retrieve_many_submit(uakv_space *space, const uakv_key *keys, size_t count, uakv_view *views,
                                      // NOLINTNEXTLINE(readability-non-const-parameter): kept, and written to later
                                      uakv_status *each, uint64_t user_data) {
    constexpr const char *call = "uakv_retrieve_many_submit";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_views(call, space, keys, count, views); status != UAKV_OK) {
            return status;
        }
        RetrieveRequest request;
        request.may_wait = false;
        request.timeout_ns = space->client->timeout_ns;
        ManyViews all{{keys, count}, views, each, UAKV_OK};
        if (look_many(*space, request, all)) {
            const uakv_status status = launch<ViewsCall>(*space->client, UAKV_CALL_RETRIEVE_MANY, user_data,
                                                         std::nullopt, request.timeout_ns, *space, request, all);
            if (status != UAKV_PENDING) {
                release_all({views, count}); // nobody will hear of them
            }
            return status;
        }
        decltype(uakv_completion::result) result{};
        result.count = count_views(all);
        return completed(*space->client, UAKV_CALL_RETRIEVE_MANY, user_data, all.overall, result);
    });
}

uakv_status uakv_retrieve_or_reserve_submit(uakv_space *space, const uakv_key *key, size_t n, uint32_t timeout_ms,
                                            uint64_t user_data) {
    constexpr const char *call = "uakv_retrieve_or_reserve_submit";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_block(call, space, key, n); status != UAKV_OK) {
            return status;
        }
        const uakv_status status = launch<FlightCall>(*space->client, UAKV_CALL_RETRIEVE_OR_RESERVE, user_data,
                                                      TimedCall::flight, timeout_ms * ns_per_ms, *space, *key, n);
        decltype(uakv_completion::result) result{};
        if (status == UAKV_ERR_DISCONNECTED && find_without_daemon(*space, *key, result.view)) {
            return completed(*space->client, UAKV_CALL_RETRIEVE_OR_RESERVE, user_data, UAKV_OK, result);
        }
        return status;
    });
}

uakv_status uakv_remove_submit(uakv_space *space, const uakv_key *keys, size_t count, uint64_t user_data) {
    constexpr const char *call = "uakv_remove_submit";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_keys(call, space, keys, count); status != UAKV_OK) {
            return status;
        }
        return launch<KeysCall>(*space->client, UAKV_CALL_REMOVE, user_data, TimedCall::remove, 0, Opcode::remove,
                                *space, std::span<const uakv_key>(keys, count), 0U);
    });
}

uakv_status uakv_clear_submit(uakv_space *space, uint64_t user_data) {
    constexpr const char *call = "uakv_clear_submit";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_space(call, space); status != UAKV_OK) {
            return status;
        }
        return launch<ClearCall>(*space->client, UAKV_CALL_CLEAR, user_data, std::nullopt, 0, *space);
    });
}

uakv_status uakv_pin_submit(uakv_space *space, const uakv_key *keys, size_t count, uint32_t ttl_ms,
                            uint64_t user_data) {
    constexpr const char *call = "uakv_pin_submit";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_keys(call, space, keys, count); status != UAKV_OK) {
            return status;
        }
        return launch<KeysCall>(*space->client, UAKV_CALL_PIN, user_data, std::nullopt, 0, Opcode::pin, *space,
                                std::span<const uakv_key>(keys, count), ttl_ms);
    });
}

uakv_status uakv_prefetch_submit(uakv_space *space, const uakv_key *keys, size_t count, uint8_t tier,
                                 uint64_t user_data) {
    constexpr const char *call = "uakv_prefetch_submit";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_prefetch(call, space, keys, count, tier); status != UAKV_OK) {
            return status;
        }
        return launch<KeysCall>(*space->client, UAKV_CALL_PREFETCH, user_data, std::nullopt, 0, Opcode::prefetch,
                                *space, std::span<const uakv_key>(keys, count), 0U);
    });
}

uakv_status uakv_flush_submit(uakv_space *space, uint64_t user_data) {
    constexpr const char *call = "uakv_flush_submit";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_space(call, space); status != UAKV_OK) {
            return status;
        }
        return launch<FlushCall>(*space->client, UAKV_CALL_FLUSH, user_data, std::nullopt, 0, *space);
    });
}

uakv_status uakv_stats_submit(uakv_client *client, uakv_statistics *out, uint64_t user_data) {
    constexpr const char *call = "uakv_stats_submit";
    return guarded(call, [&]() -> uakv_status {
        if (const uakv_status status = check_statistics(call, client, out); status != UAKV_OK) {
            return status;
        }
        return launch<StatisticsCall>(*client, UAKV_CALL_STATS, user_data, std::nullopt, 0, *out);
    });
}

} // extern "C"
