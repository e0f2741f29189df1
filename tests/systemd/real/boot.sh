#!/usr/bin/env bash
# Boots the systemd of this machine as a manager of its own, with the tree that `cmake --install` made laid over this
# machine's root, and runs a scenario in there as root. What it does stays in there: the namespaces (processes, mounts,
# network, host name) and the writable layer, which is memory, go away with it.
#
#   boot.sh --tree DIR [--add FILE:PATH]... [--seconds N] [--memory SIZE] SCENARIO [ARGUMENTS]
#
# DIR holds the files to install, as DESTDIR gave them. Exit status: that of the scenario; 77 where the machine cannot
# do this, with a sentence that says why; 1 when it took longer than N seconds, after which nothing is left running.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

skip() {
    printf 'skipped: %s\n' "$*"
    exit 77
}

wrong() {
    printf 'boot.sh: %s\n' "$*" >&2
    exit 2
}

tree='' added=() seconds=60 memory=1g
while [ $# -gt 0 ]; do
    case $1 in
    --tree) tree=$2 && shift ;;
    --add) added+=("$2") && shift ;;
    --seconds) seconds=$2 && shift ;;
    --memory) memory=$2 && shift ;;
    --*) wrong "it does not know $1" ;;
    *) break ;;
    esac
    shift
done
[ -d "$tree" ] || wrong "--tree \"$tree\" is no folder"
scenario=${1:-}
[ -f "$scenario" ] || wrong "\"$scenario\" is no scenario"

# ---- can it be done here? ---------------------------------------------------------------------------------

[ "$(id -u)" = 0 ] || skip "only root may start a systemd of its own"
[ -x /lib/systemd/systemd ] || skip "there is no systemd here (Debian package systemd)"
[ -x /usr/bin/dbus-daemon ] || skip "there is no D-Bus here (Debian package dbus)"
for needed in unshare setpriv mountpoint; do
    command -v "$needed" >/dev/null || skip "there is no $needed here (Debian package util-linux)"
done
grep -qw cgroup2 /proc/filesystems || skip "this kernel has no version 2 of control groups"
grep -qw overlay /proc/filesystems || skip "this kernel has no overlayfs"

namespaces=(--mount --pid --fork --cgroup --ipc --uts --net)
unshare "${namespaces[@]}" true 2>/dev/null || skip "this machine refuses new namespaces (unshare ${namespaces[*]})"

# ---- work, and leave nothing ------------------------------------------------------------------------------

export UAKV_BOOT_FOLDER UAKV_BOOT_TREE UAKV_BOOT_MEMORY UAKV_BOOT_SECONDS UAKV_BOOT_GROUP UAKV_BOOT_ADDED
UAKV_BOOT_FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/uakv-systemd-XXXXXX")
UAKV_BOOT_TREE=$(cd "$tree" && pwd)
UAKV_BOOT_MEMORY=$memory
UAKV_BOOT_SECONDS=$seconds
UAKV_BOOT_GROUP=uakv.test.${UAKV_BOOT_FOLDER##*-}
UAKV_BOOT_ADDED=$(printf '%s\n' "${added[@]}")
out=$UAKV_BOOT_FOLDER/out
mkdir "$out" "$UAKV_BOOT_FOLDER/scratch"
booted='' timer=''

# Control groups outlive the processes in them. They are seen below the mount of a new namespace like ours alone.
remove_groups() {
    unshare --mount --cgroup bash -c '
        mount --make-rprivate /
        mount -t cgroup2 cgroup2 "$1" || exit 0
        for ((tries = 0; tries < 100; tries++)); do # processes that were killed take a moment to be gone
            [ -d "$1/$2" ] || exit 0
            find "$1/$2" -depth -type d -exec rmdir {} + 2>/dev/null && exit 0
            sleep 0.05
        done
        echo "boot.sh: the control group $2 could not be removed" >&2' - "$UAKV_BOOT_FOLDER/scratch" "$UAKV_BOOT_GROUP"
}

clean_up() {
    local pid
    for pid in $timer $booted; do
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    remove_groups
    rm -rf "$UAKV_BOOT_FOLDER"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# SIGKILL is the only signal that ends a PID 1; --kill-child passes it on.
setpriv --pdeathsig KILL unshare "${namespaces[@]}" --kill-child bash "$here/inside.sh" "$here" "$@" \
    </dev/null >"$out/console" 2>&1 &
booted=$!
sleep $((seconds + 10)) &
timer=$!
wait -n "$booted" "$timer" || true

show() { # FILE TITLE
    [ ! -s "$1" ] || printf -- '---- %s\n%s\n' "$2" "$(tail -n 300 "$1")"
}

status=$(cat "$out/status" 2>/dev/null || true)
if [ -s "$out/skipped" ]; then
    skip "$(cat "$out/skipped")"
fi
if [ "$status" != 0 ] && [ "$status" != 77 ]; then
    show "$out/console" "what systemd said on its console"
    show "$out/journal" "the journal"
fi
show "$out/output" "the scenario ${scenario##*/}"
if [ -z "$status" ]; then
    printf 'failed: the scenario gave no verdict'
    kill -0 "$booted" 2>/dev/null && printf ' within %d s' $((seconds + 10))
    printf '\n'
    exit 1
fi
case $status in
0 | 77) exit "$status" ;;
*) printf 'failed: the scenario ended with status %s\n' "$status" && exit 1 ;;
esac
