#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# check_rooms.sh SOURCE CORE_LIBRARY: folders are layers. What a folder may include of the project,
# and which libraries it may know. A dependency that can be grepped is one that can be replaced.
set -eu
cd "$1"
status=0

say() {
  echo "$*"
  status=1
}

includes() { # includes FILE: the folders and headers that it includes with quotes
  sed -n 's/^#include "\([^"]*\)".*/\1/p' "$1"
}

# room FOLDER LAYERS...: files of FOLDER (not of those below it) include from these alone; `.` means
# headers at the top of an include path.
room() {
  folder=$1
  shift
  for file in "$folder"/*.[ch]; do
    for include in $(includes "$file"); do
      layer=$(dirname "$include")
      case " $* " in
      *" $layer "* | *" $include "*) ;;
      *) say "$file must not include $include: $folder may use $*" ;;
      esac
    done
  done
}

base="base"
config="$base config exec_control.h" # the limits of Environment=
event="$config event exec_record.h"
policy="$event policy"
encode="$policy encode"
sink="$encode sink"
flow="$sink flow"
host="$flow host"
kernel="$host kernel exec_direct.h execsnoop.skel.h snapshot.skel.h"
read="$sink read"
view="$read view"
room core/base $base
room core/config $config
room core/event $event
room core/policy $policy
room core/encode $encode
room core/sink $sink
room core/flow $flow
room daemon/host $host
room daemon/kernel $kernel
room daemon $host kernel daemon.h trial.h upgrade.h version.h
room ctl/read $read
room ctl/view $view
room ctl $view input.h options.h pager.h relatives.h screen.h verbs.h version.h

for folder in $(find core daemon ctl -type d); do
  grep -q "^room $folder " "$0" || [ -z "$(find "$folder" -maxdepth 1 -name '*.[ch]')" ] ||
    say "$folder has no rule here"
done

# only INCLUDE FOLDERS...: the system's header is for these folders.
only() {
  include=$1
  shift
  for file in $(grep -rlE "^#include <$include" core daemon ctl --include='*.[ch]'); do
    case " $* " in
    *" $(dirname "$file") "*) ;;
    *) say "$file must not include <$include>" ;;
    esac
  done
}

only 'bpf/' daemon/kernel
only 'systemd/' daemon daemon/host daemon/kernel ctl/read
only 'json-c/' # for tests: to read back what json_writer.c writes

# A source that is added elsewhere goes deaf when its handler fails: see loop.h.
for file in $(grep -rlE '\bsd_event_add_[a-z_]+\(' daemon --include='*.[ch]'); do
  case $file in
  daemon/host/loop.c) ;;
  *) grep -nE '\bsd_event_add_[a-z_]+\(' "$file" && say "$file must add its event sources by loop.h" ;;
  esac
done

# How kernel memory is read can change in one place; what hides a value from clang has a name.
if grep -nE 'BPF_CORE_READ|bpf_core_read|bpf_probe_read_kernel' bpf/*.[ch] |
  grep -vE '^bpf/read\.bpf\.h:|^[^:]*:[0-9]*:(/\*| \*)|#include'; then
  say "kernel memory is read by the macros of bpf/read.bpf.h"
fi
if grep -n 'asm volatile' bpf/*.[ch] | grep -v '^bpf/direct\.bpf\.h:'; then
  say "barrier_var() has a name, and its reason in bpf/scratch.bpf.h"
fi

# The core is not linked with libbpf or libsystemd, and does not log.
if nm --undefined-only "$2" | grep -E ' (sd_|bpf_|perf_buffer__|log_(message|errno|lines|catalog)$)'; then
  say "the core uses what is above"
fi
if nm --undefined-only "$2" | grep -wE 'printf|puts|perror|syslog'; then
  say "the core prints"
fi

tests/style/circles.py core daemon ctl bpf || status=1

exit "$status"
