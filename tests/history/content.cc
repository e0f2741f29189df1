#include "history/content.h"

#include "support/check.h"
#include "support/pattern.h"

#include <algorithm>
#include <cstring>

namespace uakv::test {
namespace {

struct Head {
    uint64_t magic = 0x59524f5453494875;
    Content content;
    uint64_t length = 0;
};
static_assert(sizeof(Head) == content_bytes_min);

Random words_of(const Head &head) {
    return Random(head.content.version * 0x9e3779b97f4a7c15u ^
                  (static_cast<uint64_t>(head.content.space) << 32 | head.content.key) ^ head.length << 40);
}

} // namespace

void write_content(void *data, size_t n, const Content &content) {
    CHECK(n >= sizeof(Head));
    Head head;
    head.content = content;
    head.length = n;
    auto *out = static_cast<uint8_t *>(data);
    std::memcpy(out, &head, sizeof head);
    Random words = words_of(head);
    for (size_t at = sizeof head; at < n; at += sizeof(uint64_t)) {
        const uint64_t word = words.next();
        std::memcpy(out + at, &word, std::min(sizeof word, n - at));
    }
}

size_t read_content(const void *data, size_t n, Content &content) {
    const auto *in = static_cast<const uint8_t *>(data);
    Head head;
    if (n < sizeof head) {
        return 0;
    }
    std::memcpy(&head, in, sizeof head);
    if (head.magic != Head().magic || head.length != n) {
        return 0;
    }
    content = head.content;
    Random words = words_of(head);
    for (size_t at = sizeof head; at < n; at += sizeof(uint64_t)) {
        const uint64_t word = words.next();
        if (std::memcmp(in + at, &word, std::min(sizeof word, n - at)) != 0) {
            return at;
        }
    }
    return n;
}

} // namespace uakv::test
