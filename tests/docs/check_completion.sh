#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
# check_completion.sh SOURCE EXECSNOOPD EXECSNOOPCTL: bash completes the options that --help shows, no other, and
# file names after those that take one.
set -eu
library=/usr/share/bash-completion/bash_completion
if [ ! -e "$library" ]; then
  echo "bash-completion is not here"
  exit 77
fi
set +eu # the library's
. "$library"
compopt() { :; } # works in a real completion only
. "$1/packaging/completions/execsnoopd"
. "$1/packaging/completions/execsnoopctl"
set -u

# complete_line WORDS...: what bash offers at the end of them, sorted; it has split at "=" by then.
complete_line() {
  COMP_WORDS=("$@")
  COMP_CWORD=$(($# - 1))
  COMP_LINE="$*"
  COMP_LINE=${COMP_LINE// = /=}
  COMP_POINT=${#COMP_LINE}
  COMPREPLY=()
  "_$1" "$1" "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
  printf '%s\n' "${COMPREPLY[@]}" | sort
}

status=0
expect() {
  if [ "$2" != "$3" ]; then
    printf '%s: expected\n%s\nbut it is\n%s\n' "$1" "$2" "$3"
    status=1
  fi
}

options=$("$2" --help | sed -n 's/^  //p' | grep -oE -- '(^|[ ,])--?[a-zA-Z-]+=?' |
  tr -d ' ,' | sort)
expect "options" "$(grep -- ^-- <<<"$options")" "$(complete_line execsnoopd --)"
for option in $(grep -v -- ^-- <<<"$options"); do
  expect "$option" "$option" "$(complete_line execsnoopd "$option")"
done

# Of the reader: long options with the `=` that those with a value have; short ones are for people
# who know them.
options=$("$3" --help | sed -n 's/^  //p' | grep -oE -- '--[a-z-]+(\[?=)?' | tr -d '[' | sort -u)
expect "options" "$options" "$(complete_line execsnoopctl --)"
verbs=$("$3" --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p' | sort)
expect "verbs" "$verbs" "$(complete_line execsnoopctl '')"
expect "forms" wide "$(complete_line execsnoopctl --output = w)"
expect "keys" CommandLine= "$(complete_line execsnoopctl --match = CommandL)"
keys=$(sed -n 's/^        { \.name = "\([A-Za-z]*\)",.*/\1=/p' "$1/core/policy/keys.c" | sort)
expect "keys" "$keys" "$(complete_line execsnoopctl --match = '')"

cd "$1/config"
for option in --config --record --replay; do
  expect "$option=" execsnoopd.conf "$(complete_line execsnoopd $option = execsnoopd.c)"
done
for option in --file --cursor-file; do
  expect "$option=" execsnoopd.conf "$(complete_line execsnoopctl $option = execsnoopd.c)"
done
exit "$status"
