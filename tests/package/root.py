"""A Debian root folder to install packages in: made by mmdebstrap from the package sources of this machine, with what
the packages depend on and not the packages themselves. It lives in memory, in a mount namespace of its own: whatever
happens, nothing of it is left when the process ends."""

import hashlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

INSIDE = "UAKV_PACKAGE_TEST_INSIDE"
BASE = ("gcc", "libc6-dev", "pkg-config")
STANDALONE = ("systemd-standalone-sysusers", "systemd-standalone-tmpfiles")  # no service manager runs here
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
               "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}


def in_namespace(work):
    """work(folder) in namespaces that end with it, mounts and processes: `folder` is in memory, and outside of them it
    is empty. Returns its exit status. The program starts itself again for that, and comes here once more."""
    if INSIDE in os.environ:
        folder = os.environ[INSIDE]
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder], check=True)
        return work(pathlib.Path(folder))
    with tempfile.TemporaryDirectory(prefix="uakv-package-") as folder:
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", sys.executable, "-B", *sys.argv]
        return subprocess.run(command, env={**os.environ, INSIDE: folder}, check=False).returncode


def dependencies(packages):
    """What the packages name in Depends, without each other: first alternatives, without versions."""
    fields = [subprocess.run(["dpkg-deb", "-f", package, "Package", "Depends"], text=True, check=True,
                             capture_output=True).stdout for package in packages]
    own = {re.search(r"^Package: (\S+)", text, re.MULTILINE).group(1) for text in fields}
    found = set()
    for text in fields:
        depends = re.search(r"^Depends: (.*)", text, re.MULTILINE)
        for clause in depends.group(1).split(",") if depends else ():
            name = re.match(r"\s*(\S+)", clause).group(1)
            found |= {name} if name not in own | {"systemd"} else set()
    return sorted(found | set(BASE) | set(STANDALONE))


def apt_settings():
    """How this machine reaches its package sources."""
    dump = subprocess.run(["apt-config", "dump", "Acquire"], text=True, check=True, capture_output=True).stdout
    return [line for line in dump.splitlines() if re.search(r"Proxy|Check-Valid-Until|Check-Date", line)
            and not line.endswith('"";')]


def package_sources():
    form = "deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
    command = ["apt-get", "indextargets", "--format", form, "Created-By: Packages", "Origin: Debian"]
    return subprocess.run(command, text=True, check=True, capture_output=True).stdout


def archive(folder, packages):
    """The root as a tar file, kept for the next run; None when this machine cannot make one."""
    names = dependencies(packages)
    path = folder / f"root-{hashlib.sha256(' '.join(names).encode()).hexdigest()[:12]}.tar"
    if path.exists():
        return path
    sources = package_sources()
    if not sources:
        return None
    command = ["mmdebstrap", "--variant=minbase", "--mode=root", "--quiet", f"--include={','.join(names)}",
               "--dpkgopt=force-unsafe-io", *(f"--aptopt={line}" for line in apt_settings()), "", f"{path}.new", "-"]
    run = subprocess.run([*command[:-3], "--format=tar", *command[-3:]], text=True, input=sources, check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if run.returncode != 0:
        print(run.stdout)
        return None
    pathlib.Path(f"{path}.new").rename(path)
    return path


class Root:
    def __init__(self, tar, path):
        self.path = path
        path.mkdir()
        subprocess.run(["tar", "-xf", tar, "-C", path, "--exclude=./dev/*"], check=True)
        mounts = (("proc", "rw", "proc"), ("tmpfs", "mode=755", "run"), ("tmpfs", "mode=755", "dev"))
        for kind, options, folder in mounts:
            subprocess.run(["mount", "-t", kind, "-o", options, kind, path / folder], check=True)
        for name in ("null", "zero", "full", "urandom", "random"):
            (self.path / "dev" / name).touch()
            subprocess.run(["mount", "--bind", f"/dev/{name}", self.path / "dev" / name], check=True)

    def start(self, *command, **options):
        return subprocess.Popen(["chroot", self.path, *map(str, command)], env=ENVIRONMENT, text=True, **options)

    def run(self, *command):
        """(status, what it said)"""
        run = subprocess.run(["chroot", self.path, *map(str, command)], env=ENVIRONMENT, text=True, check=False,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return run.returncode, run.stdout

    def files(self, without):
        """{path: what it is}, without those whose path matches; contents count, times do not."""
        found = {}
        for folder, folders, names in os.walk(self.path):
            for name in [*folders, *names]:
                path = pathlib.Path(folder, name)
                inside = f"/{path.relative_to(self.path)}"
                if not re.match(without, inside):
                    found[inside] = self.describe(path)
                elif name in folders:
                    folders.remove(name)
        return found

    @staticmethod
    def describe(path):
        status = path.lstat()
        if path.is_symlink():
            return "link", os.readlink(path)
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        return f"{status.st_mode:o}", status.st_uid, status.st_gid, content
