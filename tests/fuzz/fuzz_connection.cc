// The client library at something that is no daemon, or one of another version: what it says and hands over is looked
// at before it is used, and what is wrong gives an error, never a crash.
#include "clientlib/attachment.h"
#include "false_daemon.h"
#include "ipc/clock.h"
#include "ipc/memfd.h"
#include "ipc/session_layout.h"
#include "ipc/wakeup.h"

#include <array>
#include <bit>
#include <cstdlib>

namespace {

using namespace uakv;
using namespace uakv::fuzz;

constexpr std::size_t answers_max = 8;
constexpr std::uint64_t index_bytes = 4 * limits::page_bytes;
constexpr std::uint64_t patience_ns = 2 * ns_per_ms;

// An index without a block, of which some numbers are written over.
IndexHeader index_header(Input &input) {
    IndexHeader header{};
    header.magic = index_magic;
    header.layout_version = index_layout_version;
    header.entry_capacity = 32;
    header.bucket_count = 16;
    header.buckets_offset = limits::page_bytes;
    header.entries_offset = 2 * limits::page_bytes;
    header.segment_bytes = limits::segment_bytes_min;
    header.segment_capacity = 8;
    for (std::size_t i = input.choose(4); i > 0; --i) {
        const std::size_t at = input.choose(sizeof header / 4) * 4;
        const std::uint8_t how = input.byte();
        std::uint32_t word = 0;
        std::memcpy(&word, reinterpret_cast<std::byte *>(&header) + at, sizeof word);
        word = how % 4 == 0 ? input.value<std::uint32_t>() : how % 4 == 1 ? word + how / 4 : 1U << how / 4 % 32;
        std::memcpy(reinterpret_cast<std::byte *>(&header) + at, &word, sizeof word);
    }
    return header;
}

template <typename T> std::string_view bytes_of(const T &value) {
    return {reinterpret_cast<const char *>(&value), sizeof value};
}

Fd session_region(Input &input) {
    SessionHeader header{};
    header.magic = session_magic + (input.byte() == 1 ? 1 : 0);
    header.layout_version = session_layout_version + (input.byte() == 1 ? 1 : 0);
    return region_of(bytes_of(header), input.byte() == 1 ? input.value<std::uint16_t>() : sizeof(SessionLayout));
}

Fd doorbell() {
    auto made = create_doorbell();
    UAKV_ASSERT(made.ok());
    return std::move(made.value());
}

Answer welcome(Input &input) {
    WelcomeMessage message;
    message.index_bytes = index_bytes;
    message.session_bytes = sizeof(SessionLayout);
    message.segment_bytes = limits::segment_bytes_min;
    Answer answer = twisted(input, message);
    const IndexHeader header = index_header(input);
    answer.fds.push_back(region_of(bytes_of(header), input.byte() == 1 ? input.value<std::uint16_t>() : index_bytes));
    answer.fds.push_back(session_region(input));
    answer.fds.push_back(doorbell());
    answer.fds.push_back(doorbell());
    if (const std::uint8_t swapped = input.byte(); swapped != 0) {
        std::swap(answer.fds[swapped % 4], answer.fds[swapped / 4 % 4]);
        answer.fds.resize(answer.fds.size() - swapped / 16 % 4);
    }
    return answer;
}

Answer segment(Input &input) {
    SegmentMessage message;
    message.segment = static_cast<std::uint32_t>(input.choose(4));
    Answer answer = twisted(input, message);
    if (const std::uint8_t how = input.byte(); how != 1) {
        answer.fds.push_back(how == 2 ? doorbell() : region_of("", limits::segment_bytes_min >> how % 16));
    }
    return answer;
}

Answer any_answer(Input &input) {
    switch (input.choose(6)) {
    case 0:
        return welcome(input);
    case 1: {
        RefusedMessage refused;
        refused.status = UAKV_ERR_DENIED;
        return twisted(input, refused);
    }
    case 2:
        return twisted(input, SpaceOpenedMessage());
    case 3:
    case 4:
        return segment(input);
    default: {
        const auto bytes = std::as_bytes(input.take(input.byte()));
        return {{bytes.begin(), bytes.end()}, {}};
    }
    }
}

template <typename T> bool worked(const Result<T> &result) {
    UAKV_ASSERT(result.ok() || (result.error().status < 0 && !result.error().detail.empty()));
    return result.ok();
}

// What every client does with an attachment.
void use(Attachment &attachment) {
    SpaceDescription space;
    set_text(space.name, "space");
    (void)worked(attachment.connection().open_space(space, now_ns() + patience_ns));
    const std::array<uakv_key, 20> keys{};
    attachment.lookup().find_each(0, keys, [](std::size_t, const Lookup::Found *found) {
        UAKV_ASSERT(found == nullptr);
        return true;
    });
    for (SegmentId number = 0; number < std::min(attachment.lookup().segment_capacity(), 4U); ++number) {
        auto base = attachment.segments().map(number, now_ns() + patience_ns);
        if (worked(base)) {
            base.value()[attachment.segments().bytes() - 1] = std::byte{1};
        }
    }
    std::string why;
    if (attachment.connection().lost(why)) {
        UAKV_ASSERT(!why.empty());
    }
    Submission stats{};
    stats.opcode = Opcode::stats;
    (void)worked(attachment.submitter().submit(stats, now_ns() + patience_ns));
    attachment.release_memory();
}

void connect(const char *path) {
    uakv_connect_options options{};
    options.struct_size = sizeof options;
    options.socket_path = path;
    options.timeout_ms = 2;
    uakv_client *client = nullptr;
    const uakv_status status = uakv_connect(&options, &client);
    UAKV_ASSERT(status <= 0 && (status == UAKV_OK) == (client != nullptr));
    uakv_space *space = nullptr;
    if (client != nullptr && uakv_space_open(client, "space", nullptr, &space) == UAKV_OK) {
        UAKV_ASSERT(space != nullptr);
        const uakv_key key{};
        std::uint8_t tier = 0;
        uakv_contains(space, &key, 1, &tier);
        UAKV_ASSERT(tier == 0);
    }
    uakv_disconnect(client);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input(data, size);
    const std::uint8_t flags = input.byte();
    std::vector<Answer> answers;
    while (answers.size() < answers_max && !input.empty()) {
        answers.push_back(any_answer(input));
    }
    const FalseDaemon daemon(std::move(answers), flags % 2 == 1);
    if (flags / 2 % 4 == 3) {
        connect(FalseDaemon::path().c_str());
        return 0;
    }
    Target target;
    target.socket_path = FalseDaemon::path();
    Attachment attachment(1);
    if (worked(attachment.attach(target, now_ns() + patience_ns))) {
        use(attachment);
    }
    return 0;
}
