# An upgrade under load: a build with a newer layout takes over what the one before it has, and back again. Then one
# with a layout that is not compatible, which begins with nothing, says so, and leaves nothing behind; and back again.
# shellcheck shell=bash
set_up
cp /usr/bin/uakvd /uakv-test/uakvd-now
systemctl start uakvd.service
swap() { printf 'install /uakv-test/%s /usr/bin/uakvd.new && mv /usr/bin/uakvd.new /usr/bin/uakvd' "$1"; }
uakv-test-load --unit uakvd.service --socket /run/uakv/uakvd.sock --rounds 2 \
    --end "$(swap uakvd-newer) && systemctl restart --no-block uakvd" \
    --end "$(swap uakvd-now) && systemctl restart --no-block uakvd" \
    --end "$(swap uakvd-newer) && systemctl kill -s KILL uakvd"
journalctl --sync
served=$(journalctl -q -o cat -u uakvd.service | grep -o 'uakvd [^ ]* serves' | sort -u)
equal "versions that served" "$(wc -l <<<"$served")" 2

kept() { # of the cache itself, once all memory is made
    [ "$(uakvctl stats --json | tr -d ' \n' | grep -cE '"bytes_memory":([0-9]+).*"bytes_capacity":\1[,}]')" = 1 ] &&
        stored_descriptors
}
await "all memory" kept
client store kept 8 65536
mkfifo /tmp/end
uakv-test-client hold kept 8 65536 </tmp/end >/tmp/held &
exec 3>/tmp/end
await "the client to hold its views" grep -q held /tmp/held
settled() { # none of the clients before is connected any more
    with_client=$(stored_descriptors) && sleep 0.3 && [ "$with_client" = "$(stored_descriptors)" ]
}
await "the other clients to be forgotten" settled

begins_anew() { # PROGRAM REASON: while a client holds views, which stay
    bash -c "$(swap "$1")"
    systemctl restart uakvd.service
    log_has "$2" || fail "the log does not say \"$2\""
    equal "blocks after $1" "$(client count kept 8 65536)" 0
    client store again 8 65536
    client find again 8 65536
    await "all memory" kept
    await "nothing but its own to be kept" is uakvd.service NFileDescriptorStore $((with_client - 3))
}
found=$(journalctl -q -o cat -u uakvd.service | grep -c 'begins with an empty memory') || true
equal "cold starts so far" "$found" 0
empty='begins with an empty memory, for what the daemon before has left cannot be used'
begins_anew uakvd-other "$empty: its state has layout 1."
begins_anew uakvd-now "$empty: its state has layout 2."
exec 3>&-
wait $! # it has checked each byte that it viewed
systemctl restart uakvd.service
client find again 8 65536
