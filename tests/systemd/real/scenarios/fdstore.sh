# What the service manager keeps for the next daemon: there after the first blocks, less when clients have gone.
# shellcheck shell=bash
set_up
equal "kept before the first start" "$(stored_descriptors)" 0
systemctl start uakvd.service
client store kept 8 65536
memory_is_made() { # all of it, in the background
    uakvctl stats --json | tr -d ' \n' | grep -qE '"bytes_memory":([0-9]+).*"bytes_capacity":\1[,}]'
}
await "all memory" memory_is_made
settled() { # no client is connected any more
    local first
    first=$(stored_descriptors) && sleep 0.3 && [ "$first" = "$(stored_descriptors)" ]
}
await "the clients to be forgotten" settled
without=$(stored_descriptors)
[ "$without" -ge 3 ] || fail "state, index and a segment are to be kept, but there are $without descriptors"

# A session is kept as memory, rope and process; all three go with the client.
mkfifo /tmp/end
uakv-test-client hold kept 8 65536 </tmp/end >/tmp/held &
exec 3>/tmp/end
await "the client to hold its views" grep -q held /tmp/held
equal "kept with one client" "$(stored_descriptors)" $((without + 3))
exec 3>&-
wait $!
await "the client to be forgotten" is uakvd.service NFileDescriptorStore "$without"

systemctl restart uakvd.service
client find kept 8 65536
equal "kept after a restart" "$(stored_descriptors)" "$without"

# A stop lets go of everything, on a manager that cannot keep it (before version 254).
systemctl stop uakvd.service
equal "kept after a stop" "$(stored_descriptors)" 0
equal "blocks after a stop" "$(client count kept 8 65536)" 0
