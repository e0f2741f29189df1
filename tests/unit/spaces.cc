// Spaces: two openers agree on everything, or hear in what they do not.
#include "daemon/store/spaces.h"
#include "ipc/control_message.h"
#include "state_bench.h"
#include "support/check.h"

#include <cstring>
#include <string>

namespace uakv::test {
namespace {

constexpr std::uint64_t segment_bytes = limits::segment_bytes_min;

SpaceDescription description(std::string_view name = "llama") {
    SpaceDescription space;
    set_text(space.name, name);
    space.dtype = UAKV_DTYPE_BF16;
    space.ndim = 2;
    space.shape[0] = 16;
    space.shape[1] = 128;
    space.axis[0] = UAKV_AXIS_TOKEN;
    space.axis[1] = UAKV_AXIS_CHANNEL;
    space.block_bytes = 4096;
    space.ttl_ms = 1000;
    space.fingerprint[31] = 7;
    return space;
}

SpaceId open(Spaces &spaces, const SpaceDescription &space) {
    auto opened = spaces.open(space, true);
    CHECK(opened.ok());
    return opened.value();
}

void one_space_for_each_name() {
    State state = make_state(segment_bytes);
    Spaces spaces(state);
    CHECK(spaces.find(0) == nullptr);
    const SpaceId first = open(spaces, description());
    const SpaceId second = open(spaces, description("other"));
    CHECK(first != second);
    CHECK_EQ(open(spaces, description()), first);
    CHECK_EQ(spaces.count(), 2);
    const SpaceDescription *other = spaces.find(second);
    CHECK(other != nullptr && std::strcmp(other->name, "other") == 0);
    CHECK(spaces.find(2) == nullptr);
    CHECK(spaces.find(UINT32_MAX) == nullptr);
}

void each_field_is_named() {
    using Change = void (*)(SpaceDescription &);
    struct Row {
        const char *field;
        Change change;
    };
    const Row rows[] = {
        {" layout.dtype;", [](SpaceDescription &space) { space.dtype = UAKV_DTYPE_F16; }},
        {" layout.ndim;", [](SpaceDescription &space) { space.ndim = 3; }},
        {" layout.shape;", [](SpaceDescription &space) { space.shape[1] = 129; }},
        {" layout.shape;", [](SpaceDescription &space) { space.shape[7] = 1; }},
        {" layout.axis;", [](SpaceDescription &space) { space.axis[0] = UAKV_AXIS_HEAD; }},
        {" block_bytes;", [](SpaceDescription &space) { space.block_bytes = 4097; }},
        {" ttl_ms;", [](SpaceDescription &space) { space.ttl_ms = 0; }},
        {" fingerprint;", [](SpaceDescription &space) { space.fingerprint[0] = 1; }},
        {" fingerprint;", [](SpaceDescription &space) { space.fingerprint[31] = 8; }},
    };
    for (const Row &row : rows) {
        State state = make_state(segment_bytes);
        Spaces spaces(state);
        open(spaces, description());
        SpaceDescription changed = description();
        row.change(changed);
        auto opened = spaces.open(changed, true);
        CHECK(!opened.ok());
        CHECK_STATUS(opened.error().status, UAKV_ERR_LAYOUT);
        CHECK_MESSAGE(opened.error().detail.find(row.field) != std::string::npos, opened.error().detail);
        CHECK(opened.error().detail.find("\"llama\"") != std::string::npos);
        CHECK_EQ(spaces.count(), 1);
        CHECK(spaces.open(description(), false).ok()); // as it was
    }
}

void what_follows_the_name_counts_for_nothing() {
    State state = make_state(segment_bytes);
    Spaces spaces(state);
    const SpaceId id = open(spaces, description());
    SpaceDescription same = description();
    same.name[100] = 'x';
    CHECK_EQ(open(spaces, same), id);
}

void read_only_clients_make_none() {
    State state = make_state(segment_bytes);
    Spaces spaces(state);
    auto opened = spaces.open(description(), false);
    CHECK_STATUS(opened.error().status, UAKV_ERR_DENIED);
    CHECK_EQ(spaces.count(), 0);
    open(spaces, description());
    CHECK(spaces.open(description(), false).ok());
}

void check_refused(const SpaceDescription &space) {
    State state = make_state(segment_bytes);
    Spaces spaces(state);
    auto opened = spaces.open(space, true);
    CHECK(!opened.ok());
    CHECK_STATUS(opened.error().status, UAKV_ERR_INVALID);
    CHECK_EQ(spaces.count(), 0);
}

void nonsense_is_refused() {
    for (const char *name : {"", "a b", "tab\t", "n\xC3\xA9", "\x7F", "\x1F"}) {
        check_refused(description(name));
    }
    SpaceDescription space = description();
    std::memset(space.name, 'x', sizeof space.name); // no closing NUL
    check_refused(space);
    space = description();
    space.ndim = UAKV_NDIM_MAX + 1;
    check_refused(space);
    space = description();
    space.block_bytes = 0;
    check_refused(space);
    space.block_bytes = segment_bytes + 1;
    check_refused(space);
    space = description();
    space.flags = UAKV_SPACE_DURABLE << 1;
    check_refused(space);
}

void longest_name_and_largest_block() {
    State state = make_state(segment_bytes);
    Spaces spaces(state);
    SpaceDescription space = description(std::string(UAKV_SPACE_NAME_MAX, '~'));
    space.block_bytes = segment_bytes;
    open(spaces, space);
}

void as_many_as_there_can_be() {
    State state = make_state(segment_bytes);
    Spaces spaces(state);
    for (std::uint32_t i = 0; i < limits::spaces_max; ++i) {
        CHECK_EQ(open(spaces, description("space-" + std::to_string(i))), i);
    }
    CHECK_STATUS(spaces.open(description("one-more"), true).error().status, UAKV_ERR_NO_SPACE);
    CHECK_EQ(open(spaces, description("space-7")), 7);
}

constexpr Case cases[] = {
    {"one_space_for_each_name", one_space_for_each_name},
    {"each_field_is_named", each_field_is_named},
    {"what_follows_the_name_counts_for_nothing", what_follows_the_name_counts_for_nothing},
    {"read_only_clients_make_none", read_only_clients_make_none},
    {"nonsense_is_refused", nonsense_is_refused},
    {"longest_name_and_largest_block", longest_name_and_largest_block},
    {"as_many_as_there_can_be", as_many_as_there_can_be},
};

} // namespace
} // namespace uakv::test

int main() {
    return uakv::test::run_cases("spaces", uakv::test::cases);
}
