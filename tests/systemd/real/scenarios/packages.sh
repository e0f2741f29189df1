# The packages, where a service manager runs: installed, used by a program that is compiled against them, purged. The
# first argument is the number of packages in /uakv-test/packages.
# shellcheck shell=bash
packages=(/uakv-test/packages/*.deb)
equal "the packages" "${#packages[@]}" "$1"

# All files of the root with what they are, without what dpkg, ldconfig and useradd keep for themselves.
files() {
    find /etc /usr /var /opt /srv -xdev \( -path /var/lib/dpkg -o -path /var/log -o -path /var/cache \) -prune -o \
        ! -path /etc/ld.so.cache ! -path '/etc/*-' ! -path /etc/.pwd.lock ! -type d -printf '%p %m %u %g %l %s\n' -o \
        -type d -printf '%p %m %u %g\n' | sort
    ls /run/uakv 2>/dev/null || true
    getent passwd uakv || true
}

rm -f /usr/sbin/policy-rc.d # where this is a container, it forbids packages to start services
files >/tmp/before
dpkg --install "${packages[@]}"
equal "the socket" "$(property uakvd.socket ActiveState)/$(property uakvd.socket UnitFileState)" active/enabled
equal "the daemon before anybody asks" "$(property uakvd.service ActiveState)" inactive
equal "the socket's owner and mode" "$(stat -c '%U %G %a' /run/uakv/uakvd.sock)" "uakv uakv 660"

systemctl start uakvd
# shellcheck disable=SC2046
gcc -Wall -Werror /usr/share/doc/uakv/examples/outside/outside.c -o /tmp/outside $(pkg-config --cflags --libs uakv)
useradd -r -G uakv member
useradd -r stranger
chmod 755 /tmp/outside
as member /tmp/outside | grep "found the block" || fail "the program did not find its block"
refused as stranger /tmp/outside
uakvctl status
as member uakv-test-client store kept 8 65536

# The same packages once more are an upgrade: the daemon is restarted, and not stopped.
dpkg --install "${packages[@]}"
equal "the daemon after an upgrade" "$(property uakvd.service SubState)" running
as member uakv-test-client store again 8 65536

# What is removed no longer runs; what is purged was never there.
dpkg --remove uakv libuakv-dev libuakv0
equal "the daemon" "$(property uakvd.service LoadState)/$(property uakvd.service ActiveState)" not-found/inactive
test -f /etc/uakv/uakvd.yaml || fail "a removal takes the configuration with it"
userdel member
userdel stranger
dpkg --purge uakv libuakv-dev libuakv0
files >/tmp/after
diff /tmp/before /tmp/after || fail "a purge leaves a difference"
