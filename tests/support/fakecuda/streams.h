// Streams of the stand-in: each is a thread that does one operation after the other, unless a test holds it.
#pragma once

#include "support/fakecuda/contexts.h"

#include <functional>
#include <memory>

namespace uakv::fakecuda {

// Does its work when its turn comes; another result than success breaks the stream's context, and nothing that is
// enqueued on it is done any more.
using Operation = std::function<Status(Context context)>;

// Enqueues on a stream, or on the default stream of the current context (0, 1 and 2). On a capturing one the operation
// is counted and dropped.
Status enqueue(Stream stream, Operation operation);

// The same, and waits until it was done.
Status enqueue_and_wait(Stream stream, Operation operation);

// success, or why nothing can be enqueued: no such stream, or another context is current.
Status check_stream(Stream stream);
bool is_capturing(Stream stream);

// Those of a context that ends: what they had to do is dropped.
void drop_streams(Context context);

void wake_streams(); // a context is broken

// For tests: fakecuda.h.
void hold(Stream stream);
std::uint64_t step(Stream stream, std::uint64_t operations);
void let_go(Stream stream);
void hold_all();
bool step_any();
void let_all_go();
std::uint64_t pending(Stream stream);
std::uint64_t pending_all();
void set_capture(Stream stream, int status);
std::uint64_t captured(Stream stream);
std::uint64_t live_streams();
std::uint64_t live_events();

} // namespace uakv::fakecuda
