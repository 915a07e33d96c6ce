# Install: headers, both libraries, CMake config package, pkg-config file, the program. Relocatable.
include(CMakePackageConfigHelpers)
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/dsbias)

install(DIRECTORY include/dsbias DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS dsbias_shared EXPORT dsbias-shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS dsbias_static EXPORT dsbias-static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT dsbias-shared NAMESPACE dsbias:: DESTINATION ${config_dir})
install(EXPORT dsbias-static NAMESPACE dsbias:: DESTINATION ${config_dir})

configure_package_config_file(cmake/dsbiasConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/dsbiasConfig.cmake
  INSTALL_DESTINATION ${config_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/dsbiasConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/dsbiasConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/dsbiasConfigVersion.cmake DESTINATION ${config_dir})

# what only users of the static library must link beside it
set(DSBIAS_PC_OPTIONAL)
if(PNG_FOUND)
  string(APPEND DSBIAS_PC_OPTIONAL ", libpng")
endif()
if(DSBIAS_HAVE_WEBP)
  string(APPEND DSBIAS_PC_OPTIONAL ", libwebp")
endif()
if(ZLIB_FOUND)
  string(APPEND DSBIAS_PC_OPTIONAL ", zlib")
endif()
# not "Requires.private: openblas": Debian's openblas.pc then asks for -lgfortran, which only libopenblas.a needs
string(REPLACE ";" " " DSBIAS_PC_OPENBLAS "${OPENBLAS_LDFLAGS}")
# ${pcfiledir}-relative, so the installed tree may be moved
file(RELATIVE_PATH DSBIAS_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/dsbias.pc.in ${CMAKE_CURRENT_BINARY_DIR}/dsbias.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/dsbias.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
