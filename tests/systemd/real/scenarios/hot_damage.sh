# A state that was damaged is not gone on with: the next daemon starts cold, and says why.
# shellcheck shell=bash
set_up
systemctl start uakvd.service
client store kept 8 65536
pid=$(main_pid)
state=$(find "/proc/$pid/fd" -lname '*memfd:*state*' | head -n 1)
[ -n "$state" ] || fail "the daemon has no state: $(ls -l "/proc/$pid/fd")"
printf 'damaged!' | dd of="$state" conv=notrunc status=none
kill -KILL "$pid"
await "another daemon" another_than "$pid"
equal "blocks" "$(client count kept 8 65536)" 0
journalctl -q -o cat -u uakvd.service | grep 'begins with an empty memory'
client store again 8 65536
systemctl restart uakvd.service
client find again 8 65536
