# Language level, warnings, sanitizers: the flags every target of this project gets.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(dsbias_flags INTERFACE)
# contraction off: a*b+c rounds twice unless a kernel says FMA, so results do not depend on the compiler
target_compile_options(dsbias_flags INTERFACE
  -ffp-contract=off -fno-math-errno
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
  $<$<C_COMPILER_ID:Clang>:-Wno-pass-failed>) # an unrolling it finds not worth while is no mistake
target_compile_definitions(dsbias_flags INTERFACE _GNU_SOURCE)
if(DSBIAS_WERROR)
  target_compile_options(dsbias_flags INTERFACE -Werror)
endif()
if(DSBIAS_ASSERTS)
  target_compile_options(dsbias_flags INTERFACE -UNDEBUG)
endif()
if(DSBIAS_SANITIZE)
  add_compile_options(-fsanitize=${DSBIAS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${DSBIAS_SANITIZE})
endif()
if(DSBIAS_FUZZ) # libFuzzer follows the library's branches only if they are counted
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_compile_definitions(DSBI_SMALL_SEGMENTS)
endif()

# Flags of a source file from its suffix: name_generic.c, name_avx2.c, name_avx512.c. Only
# lib/kernels has such files; they are loops over arrays, so they get the vectoriser. With sanitizers
# the unrolled ones take minutes to compile: most get AddressSanitizer alone, and those that are too
# much even then none (tests/kernels runs them on arrays that end at unreadable pages instead).
function(dsbias_isa_flags)
  set(loops "$<$<NOT:$<CONFIG:Debug>>:-O3>")
  if(DSBIAS_SANITIZE)
    set(loops "-O1")
  endif()
  foreach(source IN LISTS ARGN)
    set(plain "")
    if(DSBIAS_FUZZ OR (DSBIAS_SANITIZE MATCHES "thread" AND source MATCHES "/(gemm|dwconv|winograd)_")
       OR (DSBIAS_SANITIZE AND source MATCHES "/(gemm_avx512|dwconv_avx)"))
      set(plain ";-fno-sanitize=all")
    elseif(DSBIAS_SANITIZE AND source MATCHES "/(gemm|winograd)_")
      set(plain ";-fno-sanitize=undefined")
    endif()
    if(source MATCHES "_generic\\.c$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${loops}${plain}")
    endif()
    if(source MATCHES "_avx2\\.c$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${loops};-mavx2;-mfma;-mf16c${plain}")
    elseif(source MATCHES "_avx512\\.c$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS
        "${loops};-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mavx2;-mfma;-mf16c;-mprefer-vector-width=512${plain}")
    endif()
  endforeach()
endfunction()
