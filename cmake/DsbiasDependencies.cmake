# Mandatory: OpenBLAS (cblas), libjpeg (turbo), threads, libm.  Optional: libpng.
find_package(PkgConfig REQUIRED)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(JPEG REQUIRED)
pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
find_package(PNG)

add_library(dsbias_deps INTERFACE)
target_link_libraries(dsbias_deps INTERFACE PkgConfig::OPENBLAS JPEG::JPEG Threads::Threads m)
if(PNG_FOUND)
  target_link_libraries(dsbias_deps INTERFACE PNG::PNG)
  target_compile_definitions(dsbias_deps INTERFACE DSBI_HAVE_PNG=1)
endif()
