# What `cmake --install` puts below a prefix. The tree may be moved as a whole: nothing in it names the folder that it
# was built in, nor the prefix. Components: `runtime` to run the daemon and programs that use it, `development` to
# build such programs.
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

# ---- runtime ----------------------------------------------------------------------------------------------

install(TARGETS uakv EXPORT uakvTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
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
install(FILES LICENSE README.md CHANGELOG.md SECURITY.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)

# ---- development ------------------------------------------------------------------------------------------

install(FILES abi/uakv.h abi/uakv_status.def DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
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
