// Reading memory that a peer can write at any moment: each word is loaded exactly once into a private
// copy, and only the copy is validated and used. A value looked at twice could be two values.
#pragma once

#include "ipc/atomic.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <type_traits>

namespace uakv {

template <SharedWord T> T load_once(const T &word) {
    return load_acquire(word);
}

using AliasingWord [[gnu::may_alias]] = std::uint64_t;

template <typename T> T copy_once(const T &shared) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % 8 == 0 && alignof(T) >= 8);
    std::array<std::uint64_t, sizeof(T) / 8> words;
    const auto *source = reinterpret_cast<const AliasingWord *>(&shared);
    for (std::size_t i = 0; i < words.size(); ++i) {
        words[i] = __atomic_load_n(source + i, __ATOMIC_RELAXED);
    }
    T copy;
    std::memcpy(&copy, words.data(), sizeof copy);
    return copy;
}

// The other way round: writes a struct word by word, so that a reader racing with it sees whole words.
template <typename T> void write_words(T &shared, const T &value) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % 8 == 0 && alignof(T) >= 8);
    std::array<std::uint64_t, sizeof(T) / 8> words;
    std::memcpy(words.data(), &value, sizeof value);
    auto *target = reinterpret_cast<AliasingWord *>(&shared);
    for (std::size_t i = 0; i < words.size(); ++i) {
        __atomic_store_n(target + i, words[i], __ATOMIC_RELAXED);
    }
}

} // namespace uakv
