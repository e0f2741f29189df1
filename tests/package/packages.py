#!/usr/bin/env python3
"""Installs the packages that are named into a Debian of their own, uses, upgrades, removes and purges them there, and
lets lintian look at them. As root; ./dev package --test calls it. `systemctl` there only notes what it is asked for:
what a service manager does with the units is another test's matter.

usage: packages.py PACKAGE..."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import root as roots

SKIPPED = 77
SECONDS_MAX = 120
SOCKET = "/run/uakv/uakvd.sock"
CONFIG = "/etc/uakv/uakvd.yaml"
EDIT = "log_level: warn  # an administrator's own\n"
AS_DAEMON = ("setpriv", "--reuid=uakv", "--regid=uakv", "--clear-groups")
# What dpkg, ldconfig and useradd keep for themselves, and what is not the packages' doing.
NOT_COMPARED = (r"/(proc|dev|tmp|root)$|/(proc|dev|tmp|root)/|/var/lib/(dpkg|apt)(/|$)|/var/log(/|$)|/var/cache(/|$)|"
                r"/etc/ld\.so\.cache$|/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|/etc/\.pwd\.lock$|"
                r"/usr/local/bin/systemctl$|/run/(systemd|systemctl\.log)")
SYSTEMCTL = """#!/bin/sh
echo "$*" >>/run/systemctl.log
case $* in *is-enabled*) echo enabled ;; esac
"""


class Failure(Exception):
    pass


def expect(condition, sentence):
    if not condition:
        raise Failure(sentence)


def done(root, *command):
    status, output = root.run(*command)
    expect(status == 0, f"{' '.join(map(str, command))} ended with status {status}: {output}")
    return output


def asked_of_systemctl(root):
    """What was asked since the last time, each once; without questions, and without files that were changed."""
    log = root.path / "run/systemctl.log"
    asked = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    asked = [re.sub(r"--(quiet|system) ", "", line) for line in asked if not re.match(r".*is-|--root", line)]
    return list(dict.fromkeys(asked))


def copy_in(root, packages):
    folder = root.path / "root/packages"
    folder.mkdir(exist_ok=True)
    return [f"/root/packages/{package.name}" for package in packages if shutil.copy(package, folder)]


def install(root, packages):
    path = f"DPkg::Path={roots.ENVIRONMENT['PATH']}"  # where systemctl is found
    done(root, "apt-get", "-o", path, "install", "--yes", *copy_in(root, packages))
    expect(done(root, "dpkg", "--audit") == "", "dpkg --audit finds something")
    asked = asked_of_systemctl(root)
    expect(asked == ["daemon-reload", "start uakvd.socket"], f"the socket alone is to be started; it asked for {asked}")
    done(root, "getent", "passwd", "uakv")
    owner = done(root, "stat", "-c", "%U:%G:%a", "/run/uakv").strip()
    expect(owner == "uakv:uakv:755", f"/run/uakv is {owner}")
    enabled = root.path / "etc/systemd/system/sockets.target.wants/uakvd.socket"
    expect(enabled.is_symlink(), "the socket is not enabled")
    for program in ("uakvd", "uakvctl"):
        expect("not found" not in done(root, "ldd", f"/usr/bin/{program}"), f"{program} misses a library")
    done(root, "bash", "-n", "/usr/share/bash-completion/completions/uakvctl")
    for page in ("man8/uakvd.8", "man1/uakvctl.1", "man5/uakvd.yaml.5", "man3/libuakv.3"):
        expect((root.path / f"usr/share/man/{page}.gz").is_file(), f"the manual page {page} is not there")


def await_daemon(root, daemon):
    deadline = time.monotonic() + SECONDS_MAX
    while root.run("uakvctl", "ping")[0] != 0:
        expect(daemon.poll() is None and time.monotonic() < deadline, "the installed uakvd does not serve")
        time.sleep(0.05)


def use(root):
    """A program that is compiled there stores and retrieves; who is not of the group may not."""
    expect("the configuration is good" in done(root, "uakvd", "--check-config"), "--check-config says otherwise")
    source = "/usr/share/doc/uakv/examples/outside/outside.c"
    done(root, "sh", "-ec", f"gcc -Wall -Werror {source} -o /tmp/outside $(pkg-config --cflags --libs uakv)")
    daemon = root.start(*AS_DAEMON, "uakvd", "--socket", SOCKET, "--memory", "64MiB")
    try:
        await_daemon(root, daemon)
        expect("found the block" in done(root, "/tmp/outside"), "the program did not find its block")
        done(root, "setpriv", "--reuid=65534", "--regid=uakv", "--clear-groups", "/tmp/outside")
        status, output = root.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/tmp/outside")
        expect(status != 0 and "may not connect" in output, f"a stranger was not refused: {output}")
        done(root, "uakvctl", "status")
    finally:
        daemon.terminate()
    expect(daemon.wait(SECONDS_MAX) == 0, f"uakvd ended with status {daemon.returncode}")


def newer(packages, folder):
    """The same packages with a higher version, and another default configuration."""
    made = []
    for package in packages:
        tree = folder / package.stem
        subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
        control = tree / "DEBIAN/control"
        version = re.search(r"^Version: (\S+)", control.read_text(), re.MULTILINE).group(1)
        control.write_text(control.read_text().replace(version, f"{version}+newer"))
        if (tree / CONFIG[1:]).exists():
            (tree / CONFIG[1:]).write_text((tree / CONFIG[1:]).read_text() + "# another default\n")
        made.append(folder / f"{package.stem}+newer.deb")
        subprocess.run(["dpkg-deb", "--build", "-Zgzip", "-z1", tree, made[-1]], check=True, stdout=subprocess.DEVNULL)
    return made


def upgrade(root, packages):
    config = root.path / CONFIG[1:]
    config.write_text(config.read_text() + EDIT)
    done(root, "dpkg", "--force-confdef", "--force-confold", "--install", *copy_in(root, packages))
    expect(done(root, "dpkg-query", "-W", "-f", "${Version}", "uakv").endswith("+newer"), "the version is the old one")
    expect(config.read_text().endswith(EDIT), f"{CONFIG} lost what the administrator had written")
    asked = asked_of_systemctl(root)
    expect(asked == ["daemon-reload", "try-restart uakvd.service"],
           f"an upgrade must restart the daemon and never stop it, or the cache is lost; it asked for {asked}")


def remove(root):
    (root.path / "var/lib/uakv").mkdir(exist_ok=True)
    (root.path / "var/lib/uakv/block").write_text("a block\n")
    done(root, "dpkg", "--remove", "uakv", "libuakv-dev", "libuakv0")
    expect("stop uakvd.socket uakvd.service" in asked_of_systemctl(root), "the service was not stopped")
    expect(not (root.path / "usr/bin/uakvd").exists(), "uakvd is still there")
    expect((root.path / "var/lib/uakv/block").exists() and EDIT in (root.path / CONFIG[1:]).read_text(),
           "a removal that is no purge took data or configuration with it")


def purge(root, before):
    done(root, "dpkg", "--purge", "uakv", "libuakv-dev", "libuakv0")
    after = root.files(NOT_COMPARED)
    left = [name for name in sorted(set(before) | set(after)) if before.get(name) != after.get(name)]
    expect(not left, f"a purge left a difference: {', '.join(left)}")


def lintian(packages):
    run = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", *packages], text=True, check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    expect(run.returncode == 0, f"lintian: {run.stdout}")


def check(packages, folder):
    tar = roots.archive(packages[0].parent, packages)
    if tar is None:
        print("skipped: mmdebstrap could not make a Debian from the package sources of this machine")
        return SKIPPED
    root = roots.Root(tar, folder / "root")
    (root.path / "usr/local/bin/systemctl").write_text(SYSTEMCTL)
    (root.path / "usr/local/bin/systemctl").chmod(0o755)
    (root.path / "run/systemd/system").mkdir(parents=True)
    before = root.files(NOT_COMPARED)
    for step, arguments in ((lintian, [packages]), (install, [root, packages]), (use, [root]),
                            (upgrade, [root, newer(packages, folder)]), (remove, [root]), (purge, [root, before])):
        started = time.monotonic()
        step(*arguments)
        print(f"{step.__name__}: good, {time.monotonic() - started:.1f} s")
    return 0


def guarded(packages, folder):
    try:
        return check(packages, folder)
    except Failure as failure:
        print(failure)
        return 1


def main():
    packages = [pathlib.Path(name).resolve() for name in sys.argv[1:]]
    if not packages:
        print(__doc__, file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        print("skipped: only root can install packages")
        return SKIPPED
    for program in ("mmdebstrap", "unshare", "lintian"):
        if not shutil.which(program):
            print(f"skipped: there is no {program} here")
            return SKIPPED
    return roots.in_namespace(lambda folder: guarded(packages, folder))


if __name__ == "__main__":
    sys.exit(main())
