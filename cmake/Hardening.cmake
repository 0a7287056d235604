# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
#
# harden(TARGET): our warnings and the flags of a daemon that reads hostile bytes as root.
# Distributions set most of these themselves; then they come twice, which does no harm.

function(harden target)
  target_compile_options(${target} PRIVATE
          -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef
          -Wformat=2 -Wvla -Wimplicit-fallthrough
          -fno-strict-aliasing              # records are looked at through several types
          -fno-common
          -UNDEBUG                          # assert() stays on in release
          -fstack-protector-strong
          -ffile-prefix-map=${PROJECT_SOURCE_DIR}=. # the same bytes from any folder
          -ffile-prefix-map=${PROJECT_BINARY_DIR}=build)
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
  if(EXECSNOOPD_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)

  if(EXECSNOOPD_SANITIZE)
    # recover=none: the first finding fails the test. FORTIFY hides overflows from ASan.
    target_compile_options(${target} PRIVATE -fsanitize=${EXECSNOOPD_SANITIZE}
            -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${EXECSNOOPD_SANITIZE})
    if(EXECSNOOPD_FUZZ)
      target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link) # libFuzzer is blind else
    endif()
  else()
    target_compile_options(${target} PRIVATE
            $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>
            -fstack-clash-protection)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
      target_compile_options(${target} PRIVATE -fcf-protection) # CET
    endif()
  endif()

  get_target_property(type ${target} TYPE)
  if(type STREQUAL "EXECUTABLE")
    target_link_options(${target} PRIVATE -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack
            -Wl,--as-needed)
  endif()
endfunction()
