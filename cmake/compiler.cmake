# Flags that every target of ours has. NDEBUG is never defined: asserts stay on in release builds.
add_library(uakv_flags INTERFACE)
target_compile_options(uakv_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wvla -Wundef
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast>
  $<$<BOOL:${UAKV_WERROR}>:-Werror>)
# g++ 12 at -O3 sees overflows that are none, in the headers of fmt and of its own std::string.
set(gcc_before_13 $<COMPILE_LANG_AND_ID:CXX,GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>)
target_compile_options(uakv_flags INTERFACE
  "$<$<AND:${gcc_before_13},$<CONFIG:Release>>:-Wno-stringop-overflow;-Wno-restrict>")
string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELWITHDEBINFO "${CMAKE_CXX_FLAGS_RELWITHDEBINFO}")
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELWITHDEBINFO "${CMAKE_C_FLAGS_RELWITHDEBINFO}")

if(UAKV_SANITIZE STREQUAL "address")
  # Without vptr: it asks by a pipe whether memory can be read, and where no descriptor is left it takes it for bad.
  add_compile_options(-fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=undefined
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(UAKV_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
  # Daemon and client as threads over one mapping: the only way in which this sanitizer sees their races.
  add_compile_definitions(UAKV_SHARE_MAPPINGS)
elseif(UAKV_SANITIZE STREQUAL "fuzz")
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
    -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(NOT UAKV_SANITIZE STREQUAL "")
  message(FATAL_ERROR "UAKV_SANITIZE is \"${UAKV_SANITIZE}\"; expected \"address\", \"thread\", \"fuzz\" or nothing")
endif()
