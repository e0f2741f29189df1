# The daemon runs as its own user and can do nothing but its work; who is not of its group does not get in.
# shellcheck shell=bash
set_up
useradd -r -G uakv member
useradd -r stranger
touch /dev/probe /home/probe
systemctl start uakvd.service
pid=$(main_pid)

equal "the daemon's user and group" "$(ps -o user=,group= -p "$pid" | tr -s ' ')" "uakv uakv"
for set in CapInh CapPrm CapEff CapBnd CapAmb; do
    equal "$set" "$(awk -v set="$set:" '$1 == set { print $2 }' "/proc/$pid/status")" 0000000000000000
done
equal "NoNewPrivs" "$(awk '$1 == "NoNewPrivs:" { print $2 }' "/proc/$pid/status")" 1
equal "a seccomp filter" "$(awk '$1 == "Seccomp:" { print $2 }' "/proc/$pid/status")" 2

as member uakv-test-client store members 4 65536
as member uakv-test-client find members 4 65536
refused as stranger uakv-test-client connect

# Where it may write: in its mounts, with its ids. The folders it has to itself, the rest of the machine not at all.
writes() { # FOLDER
    nsenter -t "$pid" -m setpriv --reuid uakv --regid uakv --clear-groups --inh-caps=-all --bounding-set=-all \
        sh -c 'probe=$(mktemp -p "$1" probe-XXXXXX) && rm "$probe"' - "$1"
}
writes /var/lib/uakv || fail "the daemon cannot write to /var/lib/uakv"
writes /run/uakv || fail "the daemon cannot write to /run/uakv"
chmod 777 /usr/local /etc /var/log # whatever the modes say
for folder in /usr/local /etc /var/log /root /home /var/lib /boot; do
    refused writes "$folder"
done
writes_as_root() { nsenter -t "$pid" -m sh -c 'probe=$(mktemp -p "$1" probe-XXXXXX) && rm "$probe"' - "$1"; }
refused writes_as_root /usr
refused writes_as_root /etc
equal "the state's owner and mode" "$(stat -c '%U %G %a' /var/lib/uakv)" "uakv uakv 700"

# No network, no devices but the harmless ones, nobody's home.
[ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/1/ns/net)" ] || fail "the daemon has the machine's network"
[ ! -e "/proc/$pid/root/dev/probe" ] || fail "the daemon sees the machine's devices"
[ ! -e "/proc/$pid/root/home/probe" ] || fail "the daemon sees /home"

# Its memory is not for others of the machine to open, not even for who may connect.
ls "/proc/$pid/fd" >/dev/null
refused as member ls "/proc/$pid/fd"
