# A daemon that is killed goes on with its blocks. One that cannot be healthy with them does so without, the third time.
# shellcheck shell=bash
set_up
systemctl start uakvd.service
client store kept 8 65536

end_it() { # and return when the next one serves
    local pid
    pid=$(main_pid)
    kill -s "${1:-KILL}" "$pid"
    await "another daemon" another_than "$pid"
    client connect >/dev/null
}

for signal in KILL ABRT SEGV; do
    end_it "$signal"
    client find kept 8 65536
    systemctl restart uakvd.service # a clean end, so nobody counts on
    client find kept 8 65536
done

crashes=0
while [ "$(client count kept 8 65536)" = 8 ]; do
    crashes=$((crashes + 1))
    [ "$crashes" -le 3 ] || fail "after $crashes crashes in a row it still goes on with the same state"
    end_it
done
equal "blocks after $crashes crashes in a row" "$(client count kept 8 65536)" 0
[ "$crashes" -ge 2 ] || fail "it was cold after one crash"
log_has 'begins with an empty memory' || fail "the log does not say so"

# From there on all is as ever.
client store again 8 65536
end_it
client find again 8 65536
