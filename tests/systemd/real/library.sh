# What the scenarios share; run.sh reads it before them.
# shellcheck shell=bash

trap 'printf "%s:%s: \"%s\" gave %s\n" "${BASH_SOURCE[0]##*/}" "$LINENO" "$BASH_COMMAND" "$?"' ERR

say() { printf '== %s\n' "$*"; }

fail() {
    printf 'failed: %s\n' "$*"
    exit 1
}

skip() {
    printf 'skipped: %s\n' "$*"
    exit 77
}

# The values must be equal: WHAT ACTUAL EXPECTED
equal() {
    [ "$2" = "$3" ] || fail "$1 is \"$2\", expected \"$3\""
}

refused() { # COMMAND...: it must end with another status than 0
    if "$@" >/dev/null 2>&1; then
        fail "this was not refused: $*"
    fi
}

# Waits until the command succeeds, and fails after 20 seconds.
await() { # WHAT COMMAND...
    local what=$1 end=$((SECONDS + 20))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fail "still waiting: $what"
        sleep 0.02
    done
}

property() { systemctl show --value -p "$2" "$1"; } # UNIT PROPERTY
is() { [ "$(property "$1" "$2")" = "$3" ]; }        # UNIT PROPERTY VALUE

# ---- uakvd --------------------------------------------------------------------------------------------------

configuration=/etc/uakv/uakvd.yaml

# What a package does after it has unpacked its files.
set_up() {
    systemd-sysusers
    systemd-tmpfiles --create
    systemctl daemon-reload
    drop_in uakvd.service small <<<$'[Service]\nEnvironment=UAKV_MEMORY=256MiB'
}

# The configuration of this scenario, from standard input.
configure() {
    mkdir -p "${configuration%/*}"
    cat >"$configuration"
}

# A drop-in of the unit, from standard input: UNIT NAME
drop_in() {
    mkdir -p "/etc/systemd/system/$1.d"
    cat >"/etc/systemd/system/$1.d/$2.conf"
    systemctl daemon-reload
}

# USER COMMAND...: as another user, with the groups that the user has
as() {
    runuser -u "$1" -- "${@:2}"
}

client() { uakv-test-client "$@"; }
main_pid() { property uakvd.service MainPID; }
another_than() { # PID
    local pid
    pid=$(main_pid) && [ "$pid" != "$1" ] && [ "$pid" != 0 ]
}
stored_descriptors() { property uakvd.service NFileDescriptorStore; }

# The words must be in the journal of the daemon.
log_has() {
    journalctl --sync
    journalctl --no-pager -q -o cat -u uakvd.service | grep -qF -- "$1"
}
