// Atomic access to plain words in shared memory. The words are plain integers in the layout structs (a
// std::atomic has no promised layout across compilers), and a reader may hold them through a read-only
// mapping, which std::atomic_ref does not allow in C++20.
//
// Thread sanitizer knows no stand-alone fences, so there the full fence is a locked instruction on a dummy.
#pragma once

#include <cstdint>
#include <type_traits>

// GCC defines a macro for it, clang has a feature.
#if defined(__SANITIZE_THREAD__)
#define UAKV_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UAKV_THREAD_SANITIZER 1
#endif
#endif

namespace uakv {

template <typename T>
concept SharedWord = (std::is_integral_v<T>)&&(sizeof(T) == 4 || sizeof(T) == 8);

template <SharedWord T> T load_relaxed(const T &word) {
    return __atomic_load_n(&word, __ATOMIC_RELAXED);
}
template <SharedWord T> T load_acquire(const T &word) {
    return __atomic_load_n(&word, __ATOMIC_ACQUIRE);
}
template <SharedWord T> void store_relaxed(T &word, std::type_identity_t<T> value) {
    __atomic_store_n(&word, value, __ATOMIC_RELAXED);
}
template <SharedWord T> void store_release(T &word, std::type_identity_t<T> value) {
    __atomic_store_n(&word, value, __ATOMIC_RELEASE);
}
template <SharedWord T> T add_relaxed(T &word, std::type_identity_t<T> value) {
    return __atomic_fetch_add(&word, value, __ATOMIC_RELAXED);
}

// Orders every access before it, by this thread, before every access after it: the store-load order that
// the lease protocol and the wake-up flags stand on. One locked instruction on x86-64, DMB ISH on AArch64.
inline void full_fence() {
#if defined(UAKV_THREAD_SANITIZER)
    static std::uint64_t dummy = 0;
    __atomic_fetch_add(&dummy, 0, __ATOMIC_SEQ_CST);
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

inline void release_fence() {
#if defined(UAKV_THREAD_SANITIZER)
    full_fence();
#else
    __atomic_thread_fence(__ATOMIC_RELEASE);
#endif
}

inline void acquire_fence() {
#if defined(UAKV_THREAD_SANITIZER)
    full_fence();
#else
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
}

inline void cpu_relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

} // namespace uakv
