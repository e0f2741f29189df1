# uakvd for one user, without root: the user's own service manager, activation, reload and restart.
# shellcheck shell=bash
set_up
useradd -m alice
uid=$(id -u alice)
install -d -o alice -g alice -m 700 "/run/user/$uid"
# What systemd-logind does at a login, without a session to log into.
systemd-run -q --unit=alice --uid=alice -p Type=notify -p Delegate=yes -p NotifyAccess=all \
    --setenv="XDG_RUNTIME_DIR=/run/user/$uid" --setenv=HOME=/home/alice /lib/systemd/systemd --user
hers() { as alice env -C /home/alice "XDG_RUNTIME_DIR=/run/user/$uid" HOME=/home/alice "$@"; }
await "her service manager" hers systemctl --user list-units

as alice mkdir -p /home/alice/.config/uakv
echo 'memory: 64MiB' | as alice tee /home/alice/.config/uakv/uakvd.yaml >/dev/null
hers systemctl --user start uakvd.socket
equal "the daemon before anybody asks" "$(hers systemctl --user show --value -p ActiveState uakvd.service)" inactive
hers uakv-test-client store hers 4 65536
hers uakv-test-client find hers 4 65536
pid=$(hers systemctl --user show --value -p MainPID uakvd.service)
equal "the daemon's user" "$(ps -o user= -p "$pid")" alice
equal "the socket's owner and mode" "$(stat -c '%U %a' "/run/user/$uid/uakv/uakvd.sock")" "alice 600"
hers uakvctl stats | grep -q '64 MiB' || fail "it does not read her configuration"

hers systemctl --user reload uakvd.service
hers systemctl --user restart uakvd.service
hers uakv-test-client store again 4 65536
refused env "UAKV_SOCKET=/run/user/$uid/uakv/uakvd.sock" runuser -u uakv -- uakv-test-client connect
hers systemctl --user stop uakvd.socket uakvd.service
refused hers uakv-test-client connect
