// The file that uakvctl load reads may be anything: what comes out lies in it, has its checksum, and its end is
// reached. The first byte says whether checksums are put right before, which lets an input be wrong in what stands
// behind them.
#include "daemon/ctl/copy_reader.h"
#include "input.h"
#include "ipc/hashing.h"

#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <unistd.h>

namespace {

using namespace uakv;
using namespace uakv::ctl;

// One for the life of the process, and removed at its end.
class Folder {
public:
    Folder() {
        char name[] = "/tmp/uakv-fuzz-copies-XXXXXX";
        UAKV_ASSERT(::mkdtemp(name) != nullptr);
        path_ = name;
    }
    ~Folder() {
        ::unlink((path_ + "/" + copy_name).c_str());
        ::rmdir(path_.c_str());
    }

    const std::string &path() const { return path_; }
    void put(std::string_view bytes) const {
        const std::string file = path_ + "/" + copy_name;
        const Fd opened(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        UAKV_ASSERT(opened.valid());
        UAKV_ASSERT(::write(opened.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    }

private:
    std::string path_;
};

void mend(std::string &bytes) {
    for (std::size_t at = 0; at + sizeof(CopyRecord) <= bytes.size(); at += copy_alignment) {
        CopyRecord record;
        std::memcpy(&record, bytes.data() + at, sizeof record);
        if (record.magic != copy_magic) {
            continue;
        }
        const std::size_t behind = bytes.size() - at - sizeof record;
        if (record.payload_bytes <= behind) {
            record.payload_checksum = checksum_of(bytes.data() + at + sizeof record, record.payload_bytes);
        }
        record.checksum = checksum_of_record(record);
        std::memcpy(bytes.data() + at, &record, sizeof record);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    static const Folder folder;
    fuzz::Input input(data, size);
    const bool good_checksums = input.flag();
    std::string bytes(input.rest());
    if (good_checksums) {
        mend(bytes);
    }
    folder.put(bytes);
    auto reader = CopyReader::open(folder.path());
    if (!reader.ok()) {
        UAKV_ASSERT(!reader.error().detail.empty());
        return 0;
    }
    std::uint64_t position = 0;
    while (const auto block = reader.value().next()) {
        UAKV_ASSERT(reader.value().position() > position && reader.value().position() <= bytes.size());
        position = reader.value().position();
        UAKV_ASSERT(!block->bytes.empty() && block->bytes.size() < bytes.size());
        UAKV_ASSERT(reader.value().spaces().contains(block->space));
    }
    UAKV_ASSERT(!reader.value().next());
    for (const auto &[number, space] : reader.value().spaces()) {
        UAKV_ASSERT(std::memchr(space.name, 0, sizeof space.name) != nullptr && space.ndim <= UAKV_NDIM_MAX);
    }
    return 0;
}
