# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
#
# add_bpf_skeleton(NAME SOURCES file.bpf.c): compiles the BPF object with clang and makes
# NAME.skel.h of it; linking NAME_skeleton gives its include path.
#
# The object keeps its BTF, without which CO-RE is nothing, and loses its DWARF. BTF embeds the
# source path, hence -ffile-prefix-map: two builds in two folders give the same bytes.

find_program(BPF_CLANG NAMES clang clang-19 clang-16 clang-15 clang-14 REQUIRED)
find_program(BPF_STRIP NAMES llvm-strip llvm-strip-19 llvm-strip-16 llvm-strip-15 llvm-strip-14
             REQUIRED)
find_program(BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(BPF_TARGET_ARCH arm64)
else()
  set(BPF_TARGET_ARCH x86)
endif()

function(add_bpf_skeleton name)
  cmake_parse_arguments(arg "" "" "SOURCES" ${ARGN})
  set(object ${PROJECT_BINARY_DIR}/${name}.bpf.o)
  set(skeleton ${PROJECT_BINARY_DIR}/skeleton/${name}.skel.h)
  file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bpf/*.h)
  list(TRANSFORM arg_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/)

  # -mcpu=v2: what the verifier of 5.10 takes without question.
  add_custom_command(OUTPUT ${object}
          COMMAND ${BPF_CLANG} -target bpf -mcpu=v2 -O2 -g -std=gnu17
                  -Wall -Wextra -Werror -Wno-address-of-packed-member
                  -D__TARGET_ARCH_${BPF_TARGET_ARCH}
                  -ffile-prefix-map=${PROJECT_SOURCE_DIR}=. -fdebug-compilation-dir=.
                  -I${PROJECT_SOURCE_DIR}/bpf
                  -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
                  -c ${arg_SOURCES} -o ${object}
          COMMAND ${BPF_STRIP} -g ${object}
          DEPENDS ${arg_SOURCES} ${headers}
          COMMENT "Compiling BPF object ${name}.bpf.o" VERBATIM)
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/skeleton)
  add_custom_command(OUTPUT ${skeleton}
          COMMAND ${BPFTOOL} gen skeleton ${object} name ${name}_bpf > ${skeleton}
          DEPENDS ${object}
          COMMENT "Generating ${name}.skel.h" VERBATIM)
  add_custom_target(${name}_skeleton_header DEPENDS ${skeleton})
  add_library(${name}_skeleton INTERFACE)
  target_include_directories(${name}_skeleton INTERFACE ${PROJECT_BINARY_DIR}/skeleton)
  add_dependencies(${name}_skeleton ${name}_skeleton_header)
endfunction()
