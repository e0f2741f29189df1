#!/usr/bin/env bash
# boot.sh itself: a scenario that fails is a failure, one that hangs is ended and is a failure too, and nothing is left
# of either: self_test.sh TREE
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

wrong() {
    printf 'self-test: %s\n%s\n' "$1" "$output"
    exit 1
}

left_behind() {
    find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'uakv-systemd-*'
    grep -l 'systemd.*--unit=uakv-test.target' /proc/[0-9]*/cmdline 2>/dev/null
    awk '$3 == "cgroup2" { print $2 }' /proc/mounts | xargs -r -I {} find {} -maxdepth 3 -name 'uakv.test.*'
}

must_fail() { # SCENARIO WORDS OPTIONS OF boot.sh
    local status=0
    output=$(./boot.sh --tree "$tree" "${@:3}" "scenarios/$1.sh" 2>&1) || status=$?
    if [ "$status" = 77 ]; then
        printf '%s\n' "$output"
        exit 77
    fi
    [ "$status" = 1 ] || wrong "$1 ended with $status, expected 1"
    [[ $output =~ $2 ]] || wrong "$1 does not say \"$2\""
    output=$(left_behind || true)
    [ -z "$output" ] || wrong "$1 has left something behind"
}

tree=$1
must_fail harness_fails 'failed: one is "1", expected "2".*status 1' --seconds 30
must_fail harness_hangs 'it hangs.*failed: the scenario gave no verdict' --seconds 3
must_fail harness_ends 'failed: the scenario gave no verdict' --seconds 30
