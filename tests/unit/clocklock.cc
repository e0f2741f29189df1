// The thread sanitizer of GCC 12 and clang 14 does not know pthread_mutex_clocklock(), which std::timed_mutex
// calls, and would take every lock got by it for none. It knows pthread_mutex_timedlock().
#include <pthread.h>
#include <time.h>

extern "C" int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const timespec *deadline);

extern "C" int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const timespec *deadline) {
    constexpr long ns_per_second = 1'000'000'000;
    timespec now{};
    timespec until{};
    clock_gettime(clock, &now);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += deadline->tv_sec - now.tv_sec;
    until.tv_nsec += deadline->tv_nsec - now.tv_nsec;
    if (until.tv_nsec < 0) {
        until.tv_nsec += ns_per_second;
        --until.tv_sec;
    } else if (until.tv_nsec >= ns_per_second) {
        until.tv_nsec -= ns_per_second;
        ++until.tv_sec;
    }
    return pthread_mutex_timedlock(mutex, &until);
}
