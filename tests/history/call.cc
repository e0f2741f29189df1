#include "history/call.h"

#include "support/check.h"

namespace uakv::test {
namespace {

uakv_store_options store_options(const Call &call) {
    uakv_store_options options = {};
    options.struct_size = sizeof options;
    options.parent = call.parent;
    options.ttl_ms = call.ttl_ms;
    return options;
}

uakv_retrieve_options retrieve_options(const Call &call) {
    uakv_retrieve_options options = {};
    options.struct_size = sizeof options;
    options.flags = call.verify ? UAKV_VERIFY : 0;
    return options;
}

} // namespace

uakv_status run(Call &call, uakv_space *space, const uakv_key *keys) {
    const uakv_key *key = keys + call.first;
    const uakv_store_options to_store = store_options(call);
    const uakv_retrieve_options to_retrieve = retrieve_options(call);
    switch (call.kind) {
    case UAKV_CALL_STORE:
        return uakv_store(space, key, call.data[0], call.lengths[0], &to_store);
    case UAKV_CALL_RESERVE:
        return uakv_reserve(space, key, call.lengths[0], &to_store, &call.slot);
    case UAKV_CALL_COMMIT:
        return uakv_commit(&call.slot);
    case UAKV_CALL_STORE_MANY:
        return uakv_store_many(space, key, call.data.data(), call.lengths.data(), call.count, call.each.data());
    case UAKV_CALL_RETRIEVE:
        return uakv_retrieve(space, key, &to_retrieve, &call.view);
    case UAKV_CALL_RETRIEVE_INTO:
        return uakv_retrieve_into(space, key, call.copy.data(), call.copy.size(), &call.copied, &to_retrieve);
    case UAKV_CALL_RETRIEVE_MANY:
        return uakv_retrieve_many(space, key, call.count, call.views.data(), call.each.data());
    case UAKV_CALL_RETRIEVE_OR_RESERVE:
        return uakv_retrieve_or_reserve(space, key, call.lengths[0], call.timeout_ms, &call.view, &call.slot);
    case UAKV_CALL_REMOVE:
        return uakv_remove(space, key, call.count, &call.removed);
    case UAKV_CALL_CLEAR:
        return uakv_clear(space);
    case UAKV_CALL_PIN:
        return uakv_pin(space, key, call.count, call.ttl_ms);
    default:
        throw Failure("there is no call " + std::to_string(call.kind));
    }
}

uakv_status submit(Call &call, uakv_space *space, const uakv_key *keys, uint64_t user_data) {
    const uakv_key *key = keys + call.first;
    const uakv_store_options to_store = store_options(call);
    const uakv_retrieve_options to_retrieve = retrieve_options(call);
    switch (call.kind) {
    case UAKV_CALL_STORE:
        return uakv_store_submit(space, key, call.data[0], call.lengths[0], &to_store, user_data);
    case UAKV_CALL_RESERVE:
        return uakv_reserve_submit(space, key, call.lengths[0], &to_store, user_data);
    case UAKV_CALL_COMMIT:
        return uakv_commit_submit(&call.slot, user_data);
    case UAKV_CALL_STORE_MANY:
        return uakv_store_many_submit(space, key, call.data.data(), call.lengths.data(), call.count, call.each.data(),
                                      user_data);
    case UAKV_CALL_RETRIEVE:
        return uakv_retrieve_submit(space, key, &to_retrieve, user_data);
    case UAKV_CALL_RETRIEVE_INTO:
        return uakv_retrieve_into_submit(space, key, call.copy.data(), call.copy.size(), &to_retrieve, user_data);
    case UAKV_CALL_RETRIEVE_MANY:
        return uakv_retrieve_many_submit(space, key, call.count, call.views.data(), call.each.data(), user_data);
    case UAKV_CALL_RETRIEVE_OR_RESERVE:
        return uakv_retrieve_or_reserve_submit(space, key, call.lengths[0], call.timeout_ms, user_data);
    case UAKV_CALL_REMOVE:
        return uakv_remove_submit(space, key, call.count, user_data);
    case UAKV_CALL_CLEAR:
        return uakv_clear_submit(space, user_data);
    case UAKV_CALL_PIN:
        return uakv_pin_submit(space, key, call.count, call.ttl_ms, user_data);
    default:
        throw Failure("there is no call " + std::to_string(call.kind));
    }
}

void take_result(Call &call, const uakv_completion &completion) {
    CHECK_EQ(completion.kind, call.kind);
    const bool found = completion.status == UAKV_OK;
    switch (call.kind) {
    case UAKV_CALL_RESERVE:
        call.slot = found ? completion.result.slot : uakv_slot{};
        break;
    case UAKV_CALL_RETRIEVE:
        call.view = found ? completion.result.view : uakv_view{};
        break;
    case UAKV_CALL_RETRIEVE_OR_RESERVE:
        if (found) {
            call.view = completion.result.view;
        } else if (completion.status == UAKV_MISS) {
            call.slot = completion.result.slot;
        }
        break;
    case UAKV_CALL_RETRIEVE_INTO:
        call.copied = completion.result.count;
        break;
    case UAKV_CALL_REMOVE:
        call.removed = completion.result.count;
        break;
    default:
        break;
    }
}

} // namespace uakv::test
