# What we build on; ./dev installs it on Debian.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(Boost 1.74 REQUIRED) # headers only: Boost.Interprocess
pkg_check_modules(liburing REQUIRED IMPORTED_TARGET liburing>=2.3)
pkg_check_modules(libsystemd REQUIRED IMPORTED_TARGET libsystemd>=252)
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
find_path(OPENSSL_INCLUDE openssl/sha.h REQUIRED)

# SHA-256 is linked from the static library: a host process may bring a libcrypto of its own, and must not
# get a second one from us.
find_library(CRYPTO_STATIC libcrypto.a REQUIRED)

# LZ4 likewise.
find_path(LZ4_INCLUDE_DIR lz4.h REQUIRED)
find_library(LZ4_STATIC liblz4.a REQUIRED)
