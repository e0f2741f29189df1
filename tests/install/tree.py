#!/usr/bin/env python3
"""Installs, and looks at the files: which there are, that none names the folder that it was built in or the one that
it lies in, where programs look for libraries, what pkg-config says, and that the components are apart."""

import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys

import installed

BINARIES = ("bin/uakvd",)
MANUALS = ("share/man/man1/uakvctl.1", "share/man/man5/uakvd.yaml.5", "share/man/man8/uakvd.8")
UNITS = ("uakvd.service", "uakvd.socket", "uakvd.yaml", "sysusers.d/uakvd.conf", "tmpfiles.d/uakvd.conf",
         "user/uakvd.service", "user/uakvd.socket")
DOCUMENTS = ("LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md", "docs/architecture.md", "docs/security.md")
EXAMPLES = ("quickstart.c", "single_flight.c", "event_loop.c", "outside/outside.c", "outside/CMakeLists.txt",
            "outside/README.md")
DEVELOPMENT = ("include/uakv.h", "include/uakv_cuda.h", "include/uakv_dlpack.h", "include/uakv_status.def",
               "LIB/libuakv.so", "LIB/pkgconfig/uakv.pc",
               "LIB/cmake/uakv/uakvConfig.cmake", "LIB/cmake/uakv/uakvConfigVersion.cmake",
               "LIB/cmake/uakv/uakvTargets.cmake", "share/man/man3/libuakv.3")


def expected_library(source, libdir):
    version = re.search(r"project\(uakv VERSION ([\d.]+)", (source / "CMakeLists.txt").read_text()).group(1)
    return [f"{libdir}/libuakv.so.0", f"{libdir}/libuakv.so.{version}"]


def expected_runtime(source):
    files = [*BINARIES, *MANUALS, *(f"share/uakv/systemd/{name}" for name in UNITS)]
    files += [f"share/doc/uakv/{name}" for name in DOCUMENTS]
    files += [f"share/uakv/presets/{preset.name}" for preset in (source / "systemd/presets").glob("*.yaml")]
    if (source / "daemon/ctl").is_dir():
        files += ["bin/uakvctl", "share/bash-completion/completions/uakvctl"]
    return files


def expected_development(libdir):
    files = [name.replace("LIB", str(libdir)) for name in DEVELOPMENT]
    return files + [f"share/doc/uakv/examples/{name}" for name in EXAMPLES]


def expected_components(arguments):
    return {"library": expected_library(arguments.source, arguments.libdir),
            "runtime": expected_runtime(arguments.source),
            "development": expected_development(arguments.libdir)}


def files_of(prefix):
    return {str(path.relative_to(prefix)) for path in prefix.rglob("*") if not path.is_dir()}


def check_files(prefix, expected):
    return [f"{name}: it is not installed" for name in sorted(set(expected) - files_of(prefix))]


def check_paths(prefix, forbidden):
    """Neither a tree that was moved nor one that was built elsewhere may lead back."""
    for name in sorted(files_of(prefix)):
        content = (prefix / name).read_bytes()
        named = [str(path) for path in forbidden if str(path).encode() in content]
        if named:
            yield f"{name}: it names {named[0]}"


def check_modes(prefix):
    for name in sorted(files_of(prefix)):
        mode = stat.S_IMODE((prefix / name).stat().st_mode)
        wanted = 0o555 if name.startswith("bin/") else 0o444
        if mode & wanted != wanted or mode & 0o022:
            yield f"{name}: its mode is {mode:o}"


def check_library_paths(prefix):
    for name in sorted(files_of(prefix)):
        if (prefix / name).is_symlink() or (prefix / name).read_bytes()[:4] != b"\x7fELF":
            continue
        dynamic = subprocess.run(["readelf", "-dW", prefix / name], text=True, capture_output=True, check=True).stdout
        for paths in re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", dynamic):
            if not all(path.startswith("$ORIGIN/") for path in paths.split(":")):
                yield f"{name}: it looks for libraries in {paths}"


def check_pkg_config(prefix, libdir):
    """A library that needs nothing but libc brings nothing along, also for a static link."""
    def ask(*what):
        environment = {**os.environ, "PKG_CONFIG_PATH": "", "PKG_CONFIG_LIBDIR": str(prefix / libdir / "pkgconfig")}
        run = subprocess.run(["pkg-config", *what, "uakv"], text=True, capture_output=True, check=False,
                             env=environment)
        return run.stdout.split() if run.returncode == 0 else [run.stderr.strip()]

    if ask("--libs")[-1:] != ["-luakv"] or len(ask("--libs")) > 2:
        yield f"uakv.pc: --libs gives {ask('--libs')}"
    if ask("--libs", "--static") != ask("--libs"):
        yield f"uakv.pc: --libs --static gives {ask('--libs', '--static')}"
    if ask("--print-requires") or ask("--print-requires-private"):
        yield "uakv.pc: it requires other packages"


def check(prefix, arguments):
    expected = sum(expected_components(arguments).values(), [])
    forbidden = (arguments.source, arguments.build, prefix)
    return (check_files(prefix, expected) + list(check_paths(prefix, forbidden)) + list(check_modes(prefix)) +
            list(check_library_paths(prefix)) + list(check_pkg_config(prefix, arguments.libdir)))


def check_components(folder, arguments):
    everything = files_of(folder / "all")
    findings, seen = [], {}
    for component, expected in expected_components(arguments).items():
        prefix = installed.install(arguments.build, folder / component, component)
        findings += check_files(prefix, expected)
        files = files_of(prefix)
        findings += [f"{name}: it is in both {component} and {seen[name]}" for name in sorted(files & set(seen))]
        seen.update(dict.fromkeys(files, component))
    return findings + [f"{name}: it is in no component" for name in sorted(everything - set(seen))]


def linked_elsewhere(path, compiler):
    subprocess.run([compiler, "-x", "c", "-", "-o", path, "-Wl,-rpath,/elsewhere"], input="int main(void) {}",
                   text=True, check=True)


def self_test(good, arguments):
    """Each change to a good tree must give exactly one finding, with these words."""
    pkg_config = f"{arguments.libdir}/pkgconfig/uakv.pc"

    def append(text):
        return lambda path: path.write_text(path.read_text() + text)

    expected = sum(expected_components(arguments).values(), [])
    # What pkg-config says without its file, and links whose target is gone, are findings of their own.
    removable = [name for name in expected if name != pkg_config and ".so" not in name]
    bad = [(name, pathlib.Path.unlink, f"{name}: it is not installed") for name in removable] + [
        (pkg_config, append(f"# {arguments.build}\n"), "uakv.pc: it names"),
        (pkg_config, append("Libs.private: -lstdc++\n"), "uakv.pc: --libs --static"),
        ("include/uakv.h", lambda path: path.chmod(0o600), "include/uakv.h: its mode is 600"),
        ("bin/uakvd", lambda path: path.chmod(0o777), "bin/uakvd: its mode is 777"),
        ("bin/uakvd", lambda path: linked_elsewhere(path, arguments.compiler), "bin/uakvd: it looks for libraries in"),
    ]
    wrong = [f"the good tree: {line}" for line in check(good, arguments)]
    for name, change, words in bad if not wrong else []:
        copy = good.with_name("copy")
        shutil.copytree(good, copy, symlinks=True)
        change(copy / name)
        found = check(copy, arguments)
        if len(found) != 1 or words not in found[0]:
            wrong.append(f"{name}: expected one finding with \"{words}\", got {found}")
        shutil.rmtree(copy)
    print("\n".join(wrong) or f"self-test: {len(bad)} changed trees, each found")
    return 1 if wrong else 0


def main():
    arguments = installed.options(__doc__)
    with installed.folder() as name:
        folder = pathlib.Path(name)
        tree = installed.install(arguments.build, folder / "all")
        if arguments.self_test:
            return self_test(tree, arguments)
        findings = check(tree, arguments) + check_components(folder, arguments)
        print("\n".join(findings) or f"{len(files_of(tree))} files, none of them wrong")
        return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
