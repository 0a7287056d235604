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

TEST_PACKAGES="libcmocka-dev libjson-c-dev python3 python3-jsonschema systemd clang-format
               clang-tidy jq mmdebstrap cpio zstd qemu-system-x86 man-db mandoc bash-completion logrotate
               debhelper dpkg-dev lintian blhc systemd-container rpm rpmlint"
# It would take over the logging of a host that has systemd running.
[ -z "${CI:-}" ] || TEST_PACKAGES="$TEST_PACKAGES rsyslog"

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

# run_pass FOLDER [CTEST OPTIONS]: a pass may have none of the tests that the caller has chosen, but
# not every pass.
run_pass() {
  folder=$1
  shift
  count=$(run_ctest --test-dir "$folder" "$@" --show-only | sed -n 's/^Total Tests: //p')
  total=$((total + ${count:-0}))
  [ "$n_options" -eq 0 ] || [ "${count:-0}" -gt 0 ] || return 0
  run_ctest --test-dir "$folder" --output-on-failure --no-tests=error "$@" || status=1
}

# tests/CMakeLists.txt says what the labels mean. RUN_SERIAL keeps tests against the live kernel alone.
run_pass build/asan --label-exclude '^(release|beside)$' --parallel 2 "$@"
run_pass build/release --label-exclude '^(asan|beside)$' "$@"
run_pass build/release --label-regex '^beside$' --parallel 3 "$@"
if [ "$total" -eq 0 ]; then
  say "$0: there are no such tests: $*"
  status=1
fi
exit "$status"
