# The harness itself: the real systemd runs, as what it should, and nothing of the machine can be changed from here.
# shellcheck shell=bash
equal "PID 1" "$(cat /proc/1/comm)" systemd
systemctl --version | head -n 1

equal "its control group" "$(sed -n "s/^0:://p" /proc/1/cgroup)" /init.scope
equal "what lies above it" "$(awk '$5 == "/sys/fs/cgroup" { print $4 }' /proc/self/mountinfo)" /

cat >/etc/systemd/system/stand-in.service <<'UNIT'
[Service]
Type=notify
NotifyAccess=all
FileDescriptorStoreMax=4
Restart=always
RestartSec=0
ExecStart=/bin/bash -c 'systemd-notify --ready --status="started"; exec sleep infinity'
UNIT
systemctl daemon-reload
systemctl start stand-in
equal "the state" "$(property stand-in ActiveState)" active
equal "the status" "$(property stand-in StatusText)" started
first=$(property stand-in MainPID)
kill -KILL "$first"
await "the stand-in to be started again" is stand-in NRestarts 1
await "the stand-in to be active again" is stand-in ActiveState active
[ "$(property stand-in MainPID)" != "$first" ] || fail "it is the process that was killed"

refused bash -c 'echo 1 >/proc/sys/vm/overcommit_memory'
refused test -e /sys/fs/cgroup/cpu

# Who enters the namespaces of a service here sees what is here.
equal "the root of a service" "$(nsenter -t "$(property stand-in MainPID)" -m stat -c %d /uakv-test)" \
    "$(stat -c %d /uakv-test)"
