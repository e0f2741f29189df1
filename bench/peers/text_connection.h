// The least that a client of a server with a text protocol must do: one send, and the value read straight into a buffer
// that is there already. What is left is what the server and the socket cost.
#pragma once

#include "peer.h"
#include "stream.h"

#include <string>
#include <string_view>
#include <vector>

namespace uakv::bench {

class TextConnection : public Connection {
public:
    // Around the key of a block, and what is said of it.
    struct Words {
        std::string server;
        std::string set_head, set_end, stored;
        std::string get_head, get_end, found, missing;
    };
    // Puts a key as the server wants it to the end of a command.
    using AppendKey = void (*)(std::string &command, const Block &block);

    TextConnection(const std::string &socket_path, std::uint64_t block_bytes, Words words, AppendKey append_key);

    void store(const Block &block, const std::byte *data) override;
    const std::byte *retrieve(const Block &block) override;
    void release() override {}
    bool retrieve_into(const Block &block, std::byte *target, std::uint64_t bytes) override;

private:
    const std::string &command(std::string_view head, const Block &block, std::string_view tail);

    Stream stream_;
    std::vector<std::byte> buffer_;
    Words words_;
    AppendKey append_key_;
    std::string command_;
};

} // namespace uakv::bench
