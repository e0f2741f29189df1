// Makes a context current for as long as a scope lasts, and puts back what was current before.
#pragma once

#include "ipc/cuda/driver.h"

namespace uakv::cuda {

class CurrentContext {
public:
    CurrentContext(const Driver &driver, Context context)
        : driver_(driver), status_(driver.call().ctx_push_current(context)) {}
    CurrentContext(const CurrentContext &) = delete;
    CurrentContext &operator=(const CurrentContext &) = delete;
    ~CurrentContext() {
        Context popped = nullptr;
        if (status_ == success) {
            static_cast<void>(driver_.call().ctx_pop_current(&popped));
        }
    }

    Result<void> entered() const {
        return status_ == success ? Result<void>{} : driver_.error("cuCtxPushCurrent", status_);
    }

private:
    const Driver &driver_;
    const Status status_;
};

} // namespace uakv::cuda
