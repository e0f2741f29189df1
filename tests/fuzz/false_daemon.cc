#include "false_daemon.h"

#include "ipc/memfd.h"
#include "ipc/unix_socket.h"

#include <algorithm>
#include <cstdlib>
#include <poll.h>
#include <unistd.h>

namespace uakv::fuzz {
namespace {

// A folder of our own, which goes with the process.
class Folder {
public:
    Folder() : path_("/tmp/uakv-fuzz.XXXXXX") {
        UAKV_ASSERT(::mkdtemp(path_.data()) != nullptr);
        socket_ = path_ + "/uakvd.sock";
    }
    Folder(const Folder &) = delete;
    Folder &operator=(const Folder &) = delete;
    ~Folder() {
        ::unlink(socket_.c_str());
        ::rmdir(path_.c_str());
    }
    const std::string &socket() const { return socket_; }

private:
    std::string path_;
    std::string socket_;
};

} // namespace

const std::string &FalseDaemon::path() {
    static const Folder folder;
    return folder.socket();
}

FalseDaemon::FalseDaemon(std::vector<Answer> answers, bool hangs_up)
    : answers_(std::move(answers)), hangs_up_(hangs_up) {
    ::unlink(path().c_str());
    auto listener = listen_unix(path());
    UAKV_ASSERT(listener.ok());
    listener_ = std::move(listener.value());
    thread_ = std::thread([this] { serve(); });
}

FalseDaemon::~FalseDaemon() {
    thread_.join();
}

void FalseDaemon::serve() {
    pollfd entry{listener_.get(), POLLIN, 0};
    if (::poll(&entry, 1, 5000) <= 0) {
        return; // nobody came
    }
    auto accepted = accept_unix(listener_);
    UAKV_ASSERT(accepted.ok());
    Fd &socket = accepted.value();
    for (const Answer &answer : answers_) {
        std::vector<int> numbers;
        std::transform(answer.fds.begin(), answer.fds.end(), std::back_inserter(numbers),
                       [](const Fd &fd) { return fd.get(); });
        (void)send_message(socket, answer.bytes, numbers); // it may have left already
    }
    if (!hangs_up_) {
        socket_ = std::move(socket);
    }
}

Fd region_of(std::string_view text, std::uint64_t bytes) {
    auto region = create_memfd("uakv-fuzz", bytes);
    UAKV_ASSERT(region.ok());
    const std::size_t length = std::min<std::size_t>(text.size(), bytes);
    UAKV_ASSERT(::pwrite(region.value().get(), text.data(), length, 0) == static_cast<ssize_t>(length));
    return std::move(region.value());
}

} // namespace uakv::fuzz
