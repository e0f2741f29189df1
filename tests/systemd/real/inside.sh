#!/usr/bin/env bash
# The second stage of boot.sh, in the new namespaces: makes the root that the new systemd will see, and becomes it.
# Refusals of the kernel before systemd starts mean that the machine does not let us (in a container, say): the reason
# goes into the file `skipped`.
set -euo pipefail
here=$1 scenario=$2
shift 2

out=$UAKV_BOOT_FOLDER/out
scratch=$UAKV_BOOT_FOLDER/scratch
root=$scratch/root

may() { # SENTENCE COMMAND...
    local sentence=$1 said
    shift
    if ! said=$("$@" 2>&1); then
        printf '%s: %s\n' "$sentence" "$said" >"$out/skipped"
        exit 0
    fi
}

may "the mounts of this machine cannot be made private" mount --make-rprivate /
may "a tmpfs may not be mounted here" mount -t tmpfs -o "size=$UAKV_BOOT_MEMORY" tmpfs "$scratch"
mkdir "$scratch"/{upper,work,root}
may "an overlayfs over the root of this machine may not be mounted here" mount -t overlay overlay \
    -o "lowerdir=/,upperdir=$scratch/upper,workdir=$scratch/work" "$root"
tar -C "$UAKV_BOOT_TREE" --owner 0 --group 0 -c . | tar -C "$root" -x --keep-directory-symlink --no-overwrite-dir

# ---- what systemd runs ------------------------------------------------------------------------------------

units=$root/etc/systemd/system
mkdir -p "$root/uakv-test/out" "$units"
mount --bind "$out" "$root/uakv-test/out"
cp "$here"/*.sh "$root/uakv-test/"
cp "$scenario" "$root/uakv-test/scenario.sh"
while IFS=: read -r file path; do
    [ -z "$file" ] || install -D "$file" "$root/$path"
done <<<"$UAKV_BOOT_ADDED"
printf '%q ' "$@" >"$root/uakv-test/arguments"

# What would touch the machine itself, or wait for it.
: >"$root/etc/fstab"
for unit in systemd-udevd systemd-udev-trigger systemd-sysctl systemd-modules-load systemd-binfmt systemd-random-seed \
    systemd-hwdb-update systemd-networkd systemd-timesyncd; do
    ln -sf /dev/null "$units/$unit.service"
done

rm -rf "$root/var/log/journal" # the machine's own journal, in this layer only
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\nRateLimitBurst=0\n' >"$root/etc/systemd/journald.conf.d/uakv-test.conf"

cat >"$units/uakv-test.target" <<UNIT
[Unit]
Description=A scenario of uakv
Requires=sysinit.target sockets.target dbus.socket uakv-test.service
After=sysinit.target
AllowIsolate=yes
UNIT
cat >"$units/uakv-test.service" <<UNIT
[Unit]
Description=The scenario itself
After=sysinit.target dbus.socket
[Service]
Type=oneshot
ExecStart=/bin/bash /uakv-test/run.sh
ExecStopPost=-/bin/bash /uakv-test/after.sh
ExecStopPost=/bin/systemctl exit 0 --no-block
StandardOutput=append:/uakv-test/out/output
StandardError=inherit
TimeoutStartSec=$UAKV_BOOT_SECONDS
TimeoutStopSec=2
UNIT
# Only what is wanted here: the machine's own services are not.
cat >"$units/sockets.target" <<UNIT
[Unit]
Description=The sockets of a scenario: it starts its own
UNIT

# ---- what systemd finds -----------------------------------------------------------------------------------

mount -t proc proc "$root/proc"
for file in sys sysrq-trigger; do # they belong to the whole machine
    [ -e "$root/proc/$file" ] || continue
    mount --bind "$root/proc/$file" "$root/proc/$file"
    mount -o remount,bind,ro "$root/proc/$file"
done
may "sysfs may not be mounted here" mount -t sysfs -o ro sysfs "$root/sys"
may "version 2 of control groups may not be mounted here" mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
may "a control group may not be made here" mkdir "$root/sys/fs/cgroup/$UAKV_BOOT_GROUP"
may "no process may be put into a control group here" \
    bash -c "echo $$ >'$root/sys/fs/cgroup/$UAKV_BOOT_GROUP/cgroup.procs'"

mount -t tmpfs -o mode=1777 tmpfs "$root/tmp" # else systemd-tmpfiles clears what lies in this machine's
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
touch "$root/dev/console"
mount --bind /dev/null "$root/dev/console"

# A root of its own, and not a folder to be confined to: whoever enters a namespace from within must not find the
# machine's there.
export root
exec unshare --cgroup --mount bash -c '
    umount "$root/sys/fs/cgroup" # seen from here it begins above our own group
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    cd "$root"
    pivot_root . .
    umount -l .
    exec setpriv --bounding-set -sys_time,-sys_module,-sys_rawio env -i container=uakv LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --unit=uakv-test.target'
