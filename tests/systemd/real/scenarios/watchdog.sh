# A daemon that no longer turns is aborted by the watchdog and started again, and serves.
# shellcheck shell=bash
set_up
drop_in uakvd.service watchdog <<'UNIT'
[Service]
WatchdogSec=1s
UNIT
systemctl start uakvd.service
client store before 4 65536
first=$(main_pid)
[ "$(property uakvd.service WatchdogUSec)" = 1s ] || fail "the watchdog is off"

# A daemon that turns is left alone, with nothing to do as much as with work: three times the watchdog's time.
for _ in $(seq 30); do
    client find before 4 65536
    sleep 0.1
done
equal "the daemon's pid" "$(main_pid)" "$first"
equal "starts by the manager" "$(property uakvd.service NRestarts)" 0

kill -STOP "$first"
await "the watchdog to have it started again" is uakvd.service NRestarts 1
await "the daemon to serve" is uakvd.service SubState running
log_has_manager() { journalctl --sync && journalctl -q -o cat -u uakvd.service | grep -q "$1"; }
log_has_manager "Watchdog timeout" || fail "it was not the watchdog"
log_has_manager "Failed with result 'watchdog'" || fail "the result was not \"watchdog\""
[ "$(main_pid)" != "$first" ] || fail "it is the process that was stopped"
refused kill -0 "$first"
client store after 4 65536
client find after 4 65536
