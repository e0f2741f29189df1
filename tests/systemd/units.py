#!/usr/bin/env python3
"""The units are understood, are as tight as they are said to be, and make the user and folder that they need; the
configuration that is installed with them is good, as it is and with every line of it in force, and names the defaults.
Ends with 77 where the machine lacks systemd-analyze."""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

EXPOSURE_MAX = 7  # tenths
SETTING = re.compile(r"^#( *(?:- )?[a-z_]+:.*)$")


def run(*command, **more):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **more)


def copy_units(source, target, uakvd):
    """As they would be installed, but with the program of this build."""
    for name in ("uakvd.service", "uakvd.socket"):
        text = (source / name).read_text()
        (target / name).write_text(text.replace("ExecStart=/usr/bin/uakvd", f"ExecStart={uakvd}"))


def systemd_version():
    return int(re.search(r"systemd (\d+)", run("systemctl", "--version").stdout).group(1))


def check_verify(units, uakvd, scratch):
    folder = scratch / "system"
    folder.mkdir()
    copy_units(units, folder, uakvd)
    if systemd_version() >= 254:
        (folder / "uakvd.service.d").mkdir()
        shutil.copy(units / "systemd-254.conf", folder / "uakvd.service.d")
    yield verdict("verify", run("systemd-analyze", "verify", "--man=no", folder / "uakvd.service",
                                folder / "uakvd.socket"))
    runtime = scratch / "runtime"
    runtime.mkdir(mode=0o700)
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(runtime)}
    user = scratch / "user"
    user.mkdir()
    copy_units(units / "user", user, uakvd)
    yield verdict("verify --user", run("systemd-analyze", "--user", "verify", "--man=no", user / "uakvd.service",
                                       user / "uakvd.socket", env=environment))


def verdict(what, outcome):
    """systemd-analyze tells of unknown keys and still ends with 0."""
    if outcome.returncode or outcome.stderr.strip():
        return f"{what}: status {outcome.returncode}: {outcome.stdout}{outcome.stderr}"
    return None


def check_security(units):
    outcome = run("systemd-analyze", "security", "--offline=yes", f"--threshold={EXPOSURE_MAX}",
                  units / "uakvd.service")
    score = re.search(r"Overall exposure level.*", outcome.stdout)
    print(score.group(0) if score else outcome.stderr)
    return f"security: {score.group(0) if score else outcome.stderr}" if outcome.returncode else None


def check_accounts(units, scratch):
    """sysusers makes the user and the group, tmpfiles the folder of the socket."""
    if os.geteuid() != 0 or not shutil.which("systemd-sysusers"):
        print("sysusers and tmpfiles: not looked at; that takes root and systemd-sysusers")
        return None
    root = scratch / "root"
    (root / "etc").mkdir(parents=True)
    (root / "run").mkdir()
    for program, folder, options in (("systemd-sysusers", "sysusers.d", []),
                                     ("systemd-tmpfiles", "tmpfiles.d", ["--create"])):
        outcome = run(program, f"--root={root}", *options, units / folder / "uakvd.conf")
        if outcome.returncode:
            return f"{program}: {outcome.stdout}{outcome.stderr}"
    user = [line.split(":") for line in (root / "etc/passwd").read_text().splitlines() if line.startswith("uakv:")]
    if len(user) != 1 or user[0][5] != "/var/lib/uakv" or not user[0][6].endswith("nologin"):
        return f"sysusers made {user}"
    place = (root / "run/uakv").stat()
    if (place.st_uid, place.st_gid, place.st_mode & 0o7777) != (int(user[0][2]), int(user[0][3]), 0o755):
        return f"tmpfiles made /run/uakv as {place}"
    return None


def uncommented(text):
    return "\n".join(SETTING.sub(r"\1", line) for line in text.splitlines()) + "\n"


def settings_of(text):
    """The keys of the daemon itself, as written."""
    lines = (re.match(r"^([a-z_]+): *([^#]*)", line) for line in text.splitlines())
    return {line.group(1): line.group(2).strip() for line in lines if line and line.group(2).strip()}


def as_service(scratch, **more):
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("UAKV_", "KV_CACHE_", "XDG_"))}
    return {**environment, "RUNTIME_DIRECTORY": str(scratch), "STATE_DIRECTORY": str(scratch), **more}


def check_configuration(units, uakvd, scratch):
    text = (units / "uakvd.yaml").read_text()
    as_it_is, all_of_it = scratch / "as_it_is.yaml", scratch / "all_of_it.yaml"
    as_it_is.write_text(text)
    all_of_it.write_text(uncommented(text))
    if settings_of(text):
        yield f"uakvd.yaml: {settings_of(text)} are in force as it is installed"
    for file in (as_it_is, all_of_it):
        outcome = run(uakvd, "--config", file, "--check-config", env=as_service(scratch))
        if outcome.returncode or "the configuration is good" not in outcome.stdout:
            yield f"{file.name}: {outcome.stdout}{outcome.stderr}"
    # With a disk, which the defaults do not have, and in a folder that there is here.
    named = settings_of(all_of_it.read_text())
    with_disk = scratch / "with_disk.yaml"
    with_disk.write_text(all_of_it.read_text().replace("enable_persistence: false", "enable_persistence: true")
                         .replace("/var/lib/uakv", str(scratch)))
    defaults = scratch / "defaults.yaml"
    defaults.write_text(f"enable_persistence: true\npersistence_path: {scratch}\n")
    said = [settings_of(run(uakvd, "--config", file, "--print-config", env=as_service(scratch)).stdout)
            for file in (with_disk, defaults)]
    for key in named:
        if key != "tenants" and (key not in said[1] or said[0].get(key) != said[1][key]):
            yield f"uakvd.yaml: {key}: {said[0].get(key)} is not the default, which is {said[1].get(key)}"
    if len(named) < 15:
        yield f"uakvd.yaml: only {sorted(named)} were found in it"


def findings(source, uakvd):
    units = source / "systemd"
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        found = [*check_verify(units, uakvd, scratch), check_security(units), check_accounts(units, scratch),
                 *check_configuration(units, uakvd, scratch)]
    return [finding for finding in found if finding]


BROKEN = [
    ("unknown key", "uakvd.service", "Restart=always", "Restrat=always", "verify"),
    ("no such program", "uakvd.service", "ExecReload=/bin/kill", "ExecReload=/nowhere/kill", "verify"),
    ("unknown key of the socket", "uakvd.socket", "Backlog=", "Backlogg=", "verify"),
    ("unknown key for a user", "user/uakvd.service", "WatchdogSec=", "WatchdogSecs=", "verify --user"),
    ("open to the network", "uakvd.service", "PrivateNetwork=yes\nIPAddressDeny=any\n", "", "security"),
    ("misspelt setting", "uakvd.yaml", "#gc_threshold", "#gc_treshold", "all_of_it.yaml"),
    ("setting in force", "uakvd.yaml", "#memory: 10%", "memory: 10%", "in force"),
    ("another default", "uakvd.yaml", "#single_flight: 10s", "#single_flight: 20s", "is not the default"),
    ("another default of the disk", "uakvd.yaml", "#disk_free: 5%", "#disk_free: 6%", "is not the default"),
]


def self_test(source, uakvd):
    missed = []
    for name, file, old, new, expected in BROKEN:
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder)
            shutil.copytree(source / "systemd", copy / "systemd")
            text = (copy / "systemd" / file).read_text()
            (copy / "systemd" / file).write_text(text.replace(old, new, 1))
            found = findings(copy, uakvd)
            if old not in text or not any(expected in finding for finding in found):
                missed.append(f"{name}: not found; what was found is {found}")
    return missed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--uakvd", type=pathlib.Path, required=True)
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if not shutil.which("systemd-analyze"):
        print("skipped: there is no systemd-analyze")
        return 77
    found = (self_test if arguments.self_test else findings)(arguments.source, arguments.uakvd)
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
