// cmocka for C++: its header wants C linkage and these four before it.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

extern "C" {
#include <cmocka.h> // NOLINT: must come after the four above
}
