#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
#
# tests/run.sh [CTEST OPTIONS]: installs what the tests need, builds, and runs all of them, or those
# that are chosen with -R and -E:
#
#   asan      unit tests, golden recordings and fuzz seeds under ASan and UBSan, and the tests
#             against the live kernel with a daemon that is built so
#   release   the tests against the live kernel, a real journald, the installed files, the
#             documents, the packages, faults of all kinds; and virtual machines: other kernels, and
#             the package in other releases
#
# With CI set, a test that cannot run here fails; on a laptop without privileges it is skipped.

set -eu
cd "$(dirname "$0")/.."
. packaging/common.sh

TEST_PACKAGES="libcmocka-dev libjson-c-dev python3 python3-jsonschema python3-yaml systemd
               clang-format clang-tidy jq mmdebstrap cpio zstd qemu-system-x86 man-db mandoc bash-completion logrotate
               debhelper dpkg-dev lintian blhc systemd-container rpm rpmlint lnav sqlite3 nodejs
               librdkafka-dev librsvg2-bin zsh"
# Brought along by nodejs, unless that is Debian's.
command -v npm >/dev/null || TEST_PACKAGES="$TEST_PACKAGES npm"
# Services, which would start on a host that has systemd running.
[ -z "${CI:-}" ] || TEST_PACKAGES="$TEST_PACKAGES rsyslog prometheus prometheus-node-exporter
               rsyslog-kafka rsyslog-elasticsearch systemd-journal-remote
               clickhouse-server clickhouse-client"

require_root
# shellcheck disable=SC2086 # lists
install_packages $BUILD_PACKAGES $TEST_PACKAGES
build asan -DBUILD_TESTING=ON
build release -DBUILD_TESTING=ON -DEXECSNOOPD_WERROR=ON

# The live kernel wants root; what ordinary users run, the tests run as such by themselves.
run_ctest() {
  as_root env ${CI:+CI="$CI"} ctest "$@" >&1
}

status=0
total=0
n_options=$#

# has_tests FOLDER [CTEST OPTIONS]: a suite may have none of the tests that the caller has chosen,
# but not every suite.
has_tests() {
  folder=$1
  shift
  count=$(run_ctest --test-dir "$folder" "$@" --show-only | sed -n 's/^Total Tests: //p')
  total=$((total + ${count:-0}))
  [ "$n_options" -eq 0 ] || [ "${count:-0}" -gt 0 ]
}

run_suite() {
  folder=$1
  shift
  run_ctest --test-dir "$folder" --output-on-failure --no-tests=error "$@"
}

# Virtual machines and builds are much work that measures nothing, and the tests against the live
# kernel mostly wait: so the former get what CPU the latter leave, and some of what others take: they
# shall end on a busy machine, too. From another folder, because two ctests in one overwrite each
# other's notes; and in a session of their own, to be ended as a whole.
run_beside() {
  as_root env ${CI:+CI="$CI"} setsid --wait sh -c 'echo $$ >"$0"; exec nice -n 5 ctest "$@"' \
    "$temp/session" --test-dir build/release/tests --output-on-failure --no-tests=error \
    --label-regex '^beside$' --parallel 3 "$@"
}

clean_up() {
  [ ! -s "$temp/session" ] || as_root kill -- "-$(cat "$temp/session")" 2>/dev/null || :
  rm -rf "$temp"
}

temp=$(mktemp -d)
trap clean_up EXIT
trap 'exit 1' INT TERM
beside=
if has_tests build/release/tests --label-regex '^beside$' "$@"; then
  run_beside "$@" >"$temp/log" 2>&1 &
  beside=$!
fi

# tests/CMakeLists.txt says what the labels mean. RUN_SERIAL keeps tests against the live kernel
# alone, a RESOURCE_LOCK those apart that need one of what a host has one of.
if has_tests build/asan --label-exclude '^(release|beside)$' "$@"; then
  run_suite build/asan --label-exclude '^(release|beside)$' --parallel 2 "$@" || status=1
fi
if has_tests build/release --label-exclude '^(asan|beside)$' "$@"; then
  run_suite build/release --label-exclude '^(asan|beside)$' --parallel 2 "$@" || status=1
fi
if [ -n "$beside" ]; then
  wait "$beside" || status=1
  rm -f "$temp/session"
  cat "$temp/log"
fi
if [ "$total" -eq 0 ]; then
  say "$0: there are no such tests: $*"
  status=1
fi
exit "$status"
