# What `cmake --install` puts below a prefix. The tree may be moved as a whole: nothing in it names the folder that it
# was built in, nor the prefix. Components: `library` to run programs that use it, `runtime` for the daemon and uakvctl
# (which needs the library), `development` to build such programs.
option(UAKV_PACKAGE "install what Debian's packages hold, below /usr and /etc" OFF)
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

foreach(folder IN ITEMS BINDIR LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${folder}}")
    message(FATAL_ERROR "CMAKE_INSTALL_${folder} is \"${CMAKE_INSTALL_${folder}}\"; the installed tree can be moved "
      "only if it is relative to the prefix, such as \"lib\"")
  endif()
endforeach()
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/uakv)
set(pkg_config_folder ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# ---- library ----------------------------------------------------------------------------------------------

install(TARGETS uakv EXPORT uakvTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library NAMELINK_COMPONENT development
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

# ---- runtime ----------------------------------------------------------------------------------------------

install(TARGETS uakvd RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
if(TARGET uakvctl)
  # It finds the library beside it, wherever the prefix is.
  file(RELATIVE_PATH libraries_from_programs ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
  set_target_properties(uakvctl PROPERTIES INSTALL_RPATH "\$ORIGIN/${libraries_from_programs}")
  install(TARGETS uakvctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
endif()
install(DIRECTORY systemd/presets DESTINATION ${CMAKE_INSTALL_DATADIR}/uakv COMPONENT runtime
  OPTIONAL FILES_MATCHING PATTERN "*.yaml")
install(FILES daemon/ctl/completion/uakvctl.bash RENAME uakvctl COMPONENT runtime OPTIONAL
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES README.md SECURITY.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime PATTERN man EXCLUDE)
install(DIRECTORY examples/kubernetes DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT runtime)

# The units name /usr/bin/uakvd, and systemd looks in its own places only. So a package puts them there, and elsewhere
# they lie beside the presets, to be copied. Drop-ins are copied by who wants them in any case.
set(systemd_folder ${CMAKE_INSTALL_DATADIR}/uakv/systemd)
file(GLOB drop_ins CONFIGURE_DEPENDS systemd/*.conf)
install(FILES ${drop_ins} DESTINATION ${systemd_folder} COMPONENT runtime)
if(UAKV_PACKAGE)
  foreach(folder IN ITEMS sysusers.d tmpfiles.d)
    install(FILES systemd/${folder}/uakvd.conf DESTINATION lib/${folder} COMPONENT runtime)
  endforeach()
  install(FILES systemd/uakvd.service systemd/uakvd.socket DESTINATION lib/systemd/system COMPONENT runtime)
  install(DIRECTORY systemd/user DESTINATION lib/systemd COMPONENT runtime)
  install(FILES systemd/uakvd.yaml DESTINATION /etc/uakv COMPONENT runtime)
else()
  # Debian has the one once for all packages, and wants the other compressed.
  install(FILES LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
  install(FILES systemd/uakvd.service systemd/uakvd.socket systemd/uakvd.yaml DESTINATION ${systemd_folder}
    COMPONENT runtime)
  install(DIRECTORY systemd/user systemd/sysusers.d systemd/tmpfiles.d DESTINATION ${systemd_folder} COMPONENT runtime)
endif()

file(GLOB uakv_man_pages CONFIGURE_DEPENDS docs/man/*.[1-8])
set(component_of_man1 runtime)
set(component_of_man3 development)
set(component_of_man5 runtime)
set(component_of_man8 runtime)
if(NOT UAKV_PACKAGE) # Debian wants them compressed
  foreach(page IN LISTS uakv_man_pages)
    string(REGEX MATCH "[0-9]$" section ${page})
    install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} COMPONENT ${component_of_man${section}})
  endforeach()
endif()

# ---- development ------------------------------------------------------------------------------------------

install(FILES abi/uakv.h abi/uakv_cuda.h abi/uakv_dlpack.h abi/uakv_status.def
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(FILES examples/quickstart.c examples/single_flight.c examples/event_loop.c
  DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT development)
install(DIRECTORY examples/outside DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT development)

# pkg-config
file(RELATIVE_PATH prefix_from_pkg_config
  ${CMAKE_INSTALL_PREFIX}/${pkg_config_folder} ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" prefix_from_pkg_config "${prefix_from_pkg_config}")
configure_file(cmake/uakv.pc.in cmake/uakv.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/cmake/uakv.pc DESTINATION ${pkg_config_folder} COMPONENT development)

# find_package(uakv): the target uakv::uakv. The C ABI only grows, so a newer library of the same major version serves.
install(EXPORT uakvTargets NAMESPACE uakv:: DESTINATION ${package_folder} COMPONENT development)
configure_package_config_file(cmake/uakvConfig.cmake.in cmake/uakvConfig.cmake
  INSTALL_DESTINATION ${package_folder} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/cmake/uakvConfigVersion.cmake
  COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/cmake/uakvConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/cmake/uakvConfigVersion.cmake
  DESTINATION ${package_folder} COMPONENT development)
