# The Debian packages uakv, libuakv0 and libuakv-dev, one for each component of install.cmake: `runtime`, `library`,
# `development`. Made by `./dev package` with the preset `package` (UAKV_PACKAGE): only then are the prefix /usr and the
# places of what Debian wants beside it known. What the packages do when they are installed stands in packaging/debian.
if(NOT UAKV_PACKAGE)
  return()
endif()
if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  message(FATAL_ERROR "CMAKE_INSTALL_PREFIX is \"${CMAKE_INSTALL_PREFIX}\"; packages are made for /usr: "
    "use the preset \"package\"")
endif()
set(debian ${PROJECT_SOURCE_DIR}/packaging/debian)
set(made ${PROJECT_BINARY_DIR}/packaging)
file(STRINGS ${debian}/changelog newest LIMIT_COUNT 1)
set(release 1)
set(package_version ${PROJECT_VERSION}-${release})
if(NOT newest MATCHES "^uakv \\(${package_version}\\) ")
  message(FATAL_ERROR "packaging/debian/changelog begins with \"${newest}\", but the version is ${package_version}")
endif()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${debian}/changelog)

# ---- what only packages hold ------------------------------------------------------------------------------

# compressed(SOURCE NAME): makes NAME.gz, the same bytes each time.
find_program(GZIP gzip REQUIRED)
function(compressed source name)
  execute_process(COMMAND ${GZIP} -9 -n -c ${source} OUTPUT_FILE ${made}/${name}.gz COMMAND_ERROR_IS_FATAL ANY)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
endfunction()

file(MAKE_DIRECTORY ${made})
compressed(${debian}/changelog changelog.Debian)
compressed(${PROJECT_SOURCE_DIR}/CHANGELOG.md changelog)
install(FILES ${made}/changelog.gz DESTINATION share/doc/uakv COMPONENT runtime)
foreach(pair runtime:uakv library:libuakv0 development:libuakv-dev)
  string(REPLACE ":" ";" pair ${pair})
  list(GET pair 0 component)
  list(GET pair 1 package)
  install(FILES ${debian}/copyright ${made}/changelog.Debian.gz DESTINATION share/doc/${package} COMPONENT ${component})
  if(EXISTS ${debian}/${package}.lintian-overrides)
    install(FILES ${debian}/${package}.lintian-overrides DESTINATION share/lintian/overrides RENAME ${package}
      COMPONENT ${component})
  endif()
endforeach()

foreach(page IN LISTS uakv_man_pages)
  cmake_path(GET page FILENAME name)
  string(REGEX MATCH "[0-9]$" section ${name})
  compressed(${page} ${name})
  install(FILES ${made}/${name}.gz DESTINATION share/man/man${section} COMPONENT ${component_of_man${section}})
endforeach()

# ---- packages ---------------------------------------------------------------------------------------------

set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL runtime library development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_SET_DESTDIR ON) # /etc and /lib stand beside /usr
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR})
set(CPACK_PACKAGE_NAME uakv)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "uakv maintainers <maintainers@uakv.invalid>")
# CPack puts any other summary than its own before each description, which begins with one.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "uakv built using CMake")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${release})
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/clientlib) # of uakvctl

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME uakv)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION net)
# For sysusers.d and tmpfiles.d; a container without systemd has the standalone ones.
string(JOIN ", " CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS "libuakv0 (= ${package_version})" "passwd"
  "systemd | systemd-standalone-sysusers | systemd-sysusers"
  "systemd | systemd-standalone-tmpfiles | systemd-tmpfiles")
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION "KV cache of transformer inference, outside the inference process
uakvd keeps blocks of keys and values in shared memory, and on disk below it,
for all inference processes of the machine. A hit is found and read in place,
without a copy, a system call or a message. The cache outlives the processes
that use it, and the daemon itself when it is killed or upgraded.

This package has the daemon with its systemd units, and uakvctl, which shows
and changes what the daemon holds.")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA
  ${debian}/conffiles ${debian}/postinst ${debian}/prerm ${debian}/postrm)

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libuakv0)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "KV cache of transformer inference, shared library
The C library through which inference engines store blocks of keys and values
in the memory of uakvd, and find them again in place. It needs libc alone.")
# So that programs which are packaged themselves depend on this package.
file(CONFIGURE OUTPUT ${made}/shlibs CONTENT "libuakv 0 libuakv0 (>= ${PROJECT_VERSION})\n")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${made}/shlibs ${debian}/symbols ${debian}/triggers)

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libuakv-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libuakv0 (= ${package_version})")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SUGGESTS "uakv")
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "KV cache of transformer inference, for building programs
The header of libuakv, its manual page, what pkg-config and CMake need to find
it, and examples.")
include(CPack)
