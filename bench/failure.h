// Why the bench cannot go on: a call that failed, bytes that are wrong, a daemon that does not start. main()
// prints it and exits 1. A goal that is missed is no failure.
#pragma once

#include <stdexcept>

namespace uakv::bench {

class Failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

} // namespace uakv::bench
