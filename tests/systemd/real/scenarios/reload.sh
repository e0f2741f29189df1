# "systemctl reload" applies what can be applied to a daemon that serves, and no client notices.
# shellcheck shell=bash
set_up
configure <<'YAML'
memory: 256MiB
tenants:
  - {name: everybody, groups: [uakv], pinned_memory: 10%}
YAML
systemctl start uakvd.service
pid=$(main_pid)
client store kept 8 65536
useradd -r -G uakv member
useradd -r late
as member uakv-test-client find kept 8 65536
refused as late uakv-test-client connect

usermod -a -G uakv late
as late uakv-test-client find kept 8 65536 # of the group of the socket and of the tenant by now

configure <<'YAML'
memory: 256MiB
log_level: debug
tenants:
  - {name: everybody, users: [member], pinned_memory: 10%}
YAML
systemctl reload uakvd.service
await "the daemon to admit others" bash -c '! runuser -u late -- uakv-test-client connect'
as member uakv-test-client find kept 8 65536
equal "the daemon's pid" "$(main_pid)" "$pid"

# What is wrong is refused as a whole; the daemon goes on with what it had.
echo 'tenants: [{name: everybody, users: [late], pined_memory: 1%}]' | configure
systemctl reload uakvd.service
await "the log to say what is wrong" \
    bash -c 'journalctl --sync; journalctl -q -o cat -u uakvd | grep -F "did you mean pinned_memory?"'
as member uakv-test-client find kept 8 65536
equal "the daemon's pid" "$(main_pid)" "$pid"
