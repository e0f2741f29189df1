#include "text_connection.h"

#include "bench/failure.h"

#include <utility>

namespace uakv::bench {

TextConnection::TextConnection(const std::string &socket_path, std::uint64_t block_bytes, Words words,
                               AppendKey append_key)
    : stream_(socket_path), buffer_(block_bytes), words_(std::move(words)), append_key_(append_key) {}

void TextConnection::store(const Block &block, const std::byte *data) {
    stream_.send(command(words_.set_head, block, words_.set_end), data, buffer_.size(), "\r\n");
    const std::string_view answer = stream_.receive_line();
    if (answer != words_.stored) {
        throw Failure(words_.server + " refused a store: " + std::string(answer));
    }
}

const std::byte *TextConnection::retrieve(const Block &block) {
    return retrieve_into(block, buffer_.data(), buffer_.size()) ? buffer_.data() : nullptr;
}

bool TextConnection::retrieve_into(const Block &block, std::byte *target, std::uint64_t bytes) {
    stream_.send(command(words_.get_head, block, words_.get_end));
    const std::string_view answer = stream_.receive_line();
    if (answer == words_.missing) {
        return false;
    }
    if (answer != words_.found) {
        throw Failure(words_.server + " refused a retrieve: " + std::string(answer));
    }
    stream_.receive(target, bytes);
    stream_.receive_line(); // the empty rest
    return true;
}

const std::string &TextConnection::command(std::string_view head, const Block &block, std::string_view tail) {
    command_.assign(head);
    append_key_(command_, block);
    command_.append(tail);
    return command_;
}

} // namespace uakv::bench
