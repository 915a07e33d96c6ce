# Each lib/<layer> is an OBJECT library; the layers together are dsbias, shared and static.
# Order = direction of dependencies; tests/lint checks the #include lines against it.
set(DSBIAS_LAYERS base kernels tensor image data nn train stats bias shift report)
execute_process(COMMAND git -C ${CMAKE_CURRENT_SOURCE_DIR} describe --always --dirty --exclude=*
  OUTPUT_VARIABLE DSBIAS_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT DSBIAS_COMMIT)
  set(DSBIAS_COMMIT "unknown")
endif()

# Codecs whose library is not there are left out.
set(DSBIAS_ABSENT "/absent:")
if(NOT PNG_FOUND)
  string(APPEND DSBIAS_ABSENT "|/codecs/png\\.c$")
endif()
if(NOT DSBIAS_HAVE_WEBP)
  string(APPEND DSBIAS_ABSENT "|/codecs/webp\\.c$")
endif()

# dsbias_table(OUT FOLDER SYMBOL_PREFIX): one C file with a NULL-ended table of every <FOLDER>/*.c,
# so that adding a format, model or layer is adding a file. lib/data/formats/tar.c defines
# "const dsbi_format dsbi_format_tar".
function(dsbias_table out folder type)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/lib/${folder}/*.c)
  list(SORT files)
  list(FILTER files EXCLUDE REGEX "${DSBIAS_ABSENT}")
  string(REPLACE "/" "_" stem ${folder})
  set(declarations "")
  set(rows "")
  foreach(file IN LISTS files)
    get_filename_component(name ${file} NAME_WE)
    string(APPEND declarations "extern const ${type} ${type}_${name};\n")
    string(APPEND rows "    &${type}_${name},\n")
  endforeach()
  set(text "/* Made by cmake from lib/${folder}/. */\n#include \"${ARGV3}\"\n${declarations}\nconst ${type} *const ${type}_table[] = {\n${rows}    0,\n};\n")
  set(path ${CMAKE_CURRENT_BINARY_DIR}/generated/${stem}_table.c)
  file(CONFIGURE OUTPUT ${path} CONTENT "${text}" @ONLY)
  set(${out} ${path} PARENT_SCOPE)
endfunction()

set(DSBIAS_OBJECTS "")
foreach(layer IN LISTS DSBIAS_LAYERS)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/lib/${layer}/*.c)
  list(SORT sources)
  if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    list(FILTER sources EXCLUDE REGEX "/x86/")
  endif()
  list(FILTER sources EXCLUDE REGEX "${DSBIAS_ABSENT}")
  include(${CMAKE_CURRENT_SOURCE_DIR}/lib/${layer}/tables.cmake OPTIONAL)
  if(NOT sources)
    continue()
  endif()
  dsbias_isa_flags(${sources})
  add_library(dsbias_${layer} OBJECT ${sources})
  target_include_directories(dsbias_${layer} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/lib
    PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>)
  target_compile_definitions(dsbias_${layer} PRIVATE DSB_BUILDING=1)
  target_link_libraries(dsbias_${layer} PRIVATE dsbias_flags dsbias_deps)
  list(APPEND DSBIAS_OBJECTS $<TARGET_OBJECTS:dsbias_${layer}>)
endforeach()
if(DSBIAS_FUZZ) # every image is hashed, and no input decides anything there
  set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/lib/base/sha256.c PROPERTIES
    COMPILE_OPTIONS -fno-sanitize=all)
  # a search over a hundred tables for each JPEG: counting its branches took most of the time
  set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/lib/image/jpeg_quality.c PROPERTIES
    COMPILE_OPTIONS -fno-sanitize=fuzzer-no-link)
endif()
if(DSBIAS_ISA_MAX)
  string(TOUPPER ${DSBIAS_ISA_MAX} level)
  set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/lib/base/cpu.c PROPERTIES
    COMPILE_DEFINITIONS "DSBI_ISA_MAX=DSB_ISA_${level}")
endif()
set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/lib/base/version.c PROPERTIES
  COMPILE_DEFINITIONS "DSBI_COMMIT=\"${DSBIAS_COMMIT}\"")

add_library(dsbias_shared SHARED ${DSBIAS_OBJECTS})
add_library(dsbias_static STATIC ${DSBIAS_OBJECTS})
foreach(kind shared static)
  set_target_properties(dsbias_${kind} PROPERTIES OUTPUT_NAME dsbias EXPORT_NAME ${kind})
  target_include_directories(dsbias_${kind} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  add_library(dsbias::${kind} ALIAS dsbias_${kind})
endforeach()
target_link_libraries(dsbias_shared PRIVATE $<BUILD_INTERFACE:dsbias_deps>)
target_link_libraries(dsbias_static PUBLIC $<BUILD_INTERFACE:dsbias_deps>)
set_target_properties(dsbias_shared PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${DSBIAS_ABI}
  LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cmake/dsbias.map)
target_link_options(dsbias_shared PRIVATE
  -Wl,--version-script=${CMAKE_CURRENT_SOURCE_DIR}/cmake/dsbias.map)
if(NOT DSBIAS_SANITIZE)
  target_link_options(dsbias_shared PRIVATE -Wl,-z,defs -Wl,--no-undefined-version)
endif()
if(BUILD_SHARED_LIBS)
  add_library(dsbias::dsbias ALIAS dsbias_shared)
else()
  add_library(dsbias::dsbias ALIAS dsbias_static)
endif()
