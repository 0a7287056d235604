#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# check_rooms.sh SOURCE CORE_LIBRARY: who may use what. A dependency that can be grepped is one that
# can be replaced.
set -eu
cd "$1"
status=0

# only INCLUDE FILES...: nobody else includes it.
only() {
  include=$1
  shift
  for file in $(grep -lE "^#include [<\"]$include" daemon/*.[ch]); do
    case " $* " in
    *" $(basename "$file") "*) ;;
    *)
      echo "$file must not include $include"
      status=1
      ;;
    esac
  done
}

only 'bpf/' kernel_facts.c knobs.c program.c programs.c ring.c
only 'execsnoop\.skel\.h' program.c programs.c
only 'linux/capability\.h' capabilities.h
only 'json-c/' # for tests: to read back what json_writer.c writes
only 'json_writer\.h' encode.c encode_daemon.c encode_internal.h encode_line.c encode_parts.c json_writer.c
only 'systemd/' canary.c cpu.c cpu.h daemon.c handover.c identity.c outlet.c sinks.c source_perf.c status.c trial.c watchdog.c
only 'log\.h' canary.c config_log.c cpu.c daemon.c handover.c identity.c kernel_support.c log.c main.c outlet.c program.c programs.c recordings.c sinks.c source_perf.c stages.c trial.c upgrade.c

# The core is not linked with libbpf or libsystemd, and does not log.
if nm --undefined-only "$2" | grep -E ' (sd_|bpf_|perf_buffer__|log_(message|errno|lines|catalog)$)'; then
  echo "the core uses what is above"
  status=1
fi
if nm --undefined-only "$2" | grep -wE 'printf|puts|perror|syslog'; then
  echo "the core prints"
  status=1
fi
exit "$status"
