# "systemctl start" returns when a client can store, not before; the status line says what there is.
# shellcheck shell=bash
set_up
for round in 1 2 3; do
    systemctl start uakvd.service
    journalctl --sync
    order=$(journalctl -q -o cat -u uakvd.service | grep -oE '^Started|serves /run/uakv/uakvd.sock' | tail -n 2)
    equal "what comes first, start $round" "$(tr '\n' ',' <<<"$order")" "serves /run/uakv/uakvd.sock,Started,"
    timeout 5 uakv-test-client store ready 3 4096
    systemctl stop uakvd.service
    equal "how it ended" "$(property uakvd.service Result)" success
done
systemctl start uakvd.service
client store status 16 1048576
await "the status line to tell of 16 blocks" \
    bash -c "systemctl show --value -p StatusText uakvd | grep -E '\<16 blocks'"
property uakvd.service StatusText

# A configuration that is wrong: the start fails, says why, and is not tried again and again.
systemctl stop uakvd.service
echo 'memroy: 1GiB' | configure
refused systemctl start uakvd.service
await "the daemon to be given up" is uakvd.service ActiveState failed
equal "its exit status" "$(property uakvd.service ExecMainStatus)" 2
log_has 'did you mean memory?' || fail "the log does not say what is wrong with the configuration"
