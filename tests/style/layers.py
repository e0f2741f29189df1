#!/usr/bin/env python3
"""Reads the #include lines and refuses those that the layers do not allow.

Folders show the way data takes; a folder includes only what lies below it, and each family of system
calls and each library has one owner. The three tables say who may include what; nothing else does.
"""

import collections
import fnmatch
import pathlib
import posixpath
import re
import sys

import sources

DAEMON = ["daemon/base", "daemon/service", "daemon/config", "daemon/io", "daemon/policy", "daemon/codec",
          "daemon/store", "daemon/tiers/disk", "daemon/tiers/gpu", "daemon/flow", "daemon/control"]

# A folder, and the folders whose headers it may include beside its own. The longest entry that holds a
# file counts. A folder without an entry is refused: a new one says here where it stands ("daemon" stands
# for main and nothing deeper).
EDGES = {
    "abi": [],
    "ipc": ["abi"],
    "ipc/codec": ["abi", "ipc"],
    "ipc/cuda": ["abi", "ipc"],
    "clientlib": ["abi", "ipc", "ipc/codec"],
    "clientlib/cuda": ["abi", "ipc", "ipc/codec", "ipc/cuda", "clientlib"],
    "daemon/base": ["abi", "ipc"],
    "daemon/service": ["abi", "ipc", "daemon/base"],
    "daemon/config": ["abi", "ipc", "daemon/base"],
    "daemon/io": ["abi", "ipc", "daemon/base"],
    "daemon/policy": ["abi", "ipc", "daemon/base"],
    "daemon/codec": ["abi", "ipc", "ipc/codec", "daemon/base"],
    "daemon/store": ["abi", "ipc", "ipc/codec", "daemon/base", "daemon/policy"],
    "daemon/tiers/disk": ["abi", "ipc", "ipc/codec", "daemon/base", "daemon/io"],
    "daemon/tiers/gpu": ["abi", "ipc", "ipc/cuda", "daemon/base", "daemon/policy", "daemon/store"],
    "daemon/flow": ["abi", "ipc", "ipc/codec", "daemon/base", "daemon/io", "daemon/codec", "daemon/policy",
                    "daemon/store", "daemon/tiers/disk"],
    "daemon/control": ["abi", "ipc", "ipc/codec", "daemon/base", "daemon/config", "daemon/io", "daemon/policy",
                       "daemon/store", "daemon/tiers/disk", "daemon/tiers/gpu", "daemon/flow", "ipc/cuda"],
    "daemon/ctl": ["abi", "ipc", "daemon/base"],
    "daemon": ["abi", "ipc"] + DAEMON,
    "examples": ["abi"],
    "bench": ["abi", "ipc", "ipc/codec", "daemon/base", "daemon/io", "daemon/tiers/disk"],
    "bench/peers": ["abi", "bench"],
    "tests/support": ["abi"],
    "tests/support/fakecuda": ["abi", "ipc/cuda", "clientlib/cuda"],  # what a kernel's parameters look like
    "tests/gpu": ["abi", "ipc", "ipc/cuda", "clientlib", "clientlib/cuda", "tests/support", "tests/support/fakecuda",
                  "tests/hostile", "tests/unit", "daemon"] + DAEMON,
    "tests/sim": ["abi", "ipc", "ipc/codec", "tests/support"] + DAEMON,
    "tests/disk": ["abi", "ipc", "ipc/codec", "tests/support", "tests/sim"] + DAEMON,
    "tests/unit": ["abi", "ipc", "ipc/codec", "clientlib", "tests/support", "tests/hostile", "tests/death",
                   "tests/sim", "daemon", "daemon/ctl"] + DAEMON,
    "tests/systemd": ["abi", "ipc", "tests/support", "daemon/base", "daemon/service"],
    "tests/hostile": ["abi", "ipc", "tests/support"],
    "tests/abi": ["abi", "ipc", "tests/support"],
    "tests/death": ["abi", "tests/support", "ipc"],  # ipc/sequence_points.def
    "tests/fuzz": ["abi", "ipc", "ipc/codec", "clientlib", "daemon", "daemon/ctl", "tests/sim", "tests/disk"] + DAEMON,
    "tests": ["abi", "tests/support"],
}

# Headers of libraries and of system call families, and the files that own them.
OWNERS = {
    "liburing*": ["daemon/io/*"],
    "sys/epoll.h": ["daemon/io/*", "clientlib/event_queue.cc"],
    "sys/timerfd.h": ["clientlib/event_queue.cc"],
    "boost/*": ["ipc/mapping.cc"],
    "openssl/*": ["clientlib/keys.cc"],
    "lz4.h": ["ipc/codec/lz4_block.cc"],
    "xxhash.h": ["ipc/hashing.cc", "ipc/block_hash.cc"],
    "fmt/*": ["daemon/*", "bench/*"],
    # Datagrams of the service manager are no business of the client library, so they are not in ipc.
    "sys/socket.h": ["ipc/unix_socket.*", "ipc/process_handle.cc", "ipc/wakeup.cc", "daemon/service/notification.cc"],
    "sys/un.h": ["ipc/unix_socket.*", "daemon/service/notification.cc"],
    "systemd/*": ["daemon/service/*"],
    "sys/mman.h": ["ipc/memfd.cc", "ipc/mapping.cc", "clientlib/fork_guard.cc"],
    "sys/statvfs.h": ["daemon/base/file_system.cc", "daemon/io/*"],
    "sys/eventfd.h": ["ipc/wakeup.cc"],
    "linux/futex.h": ["ipc/wakeup.cc"],
    "yaml-cpp/*": ["daemon/config/config_file.cc"],
    "nlohmann/*": ["daemon/control/report_json.h", "daemon/ctl/report.cc"],
    "dlfcn.h": ["ipc/cuda/driver.cc"],
    "cmocka.h": ["tests/*"],
    "hiredis/*": ["bench/peers/redis_peer.cc"],
    "blosc.h": ["bench/codec.cc"],
    "lmdb.h": ["bench/peers/lmdb_peer.cc"],
}

# Who stands outside of the product may make such calls by hand, and does, to see it as others see it. Some
# libraries stay where they are even so.
OUTSIDE = ["tests/*", "bench/*", "examples/*"]
OWNERS_ALWAYS_ASKED = ["liburing*", "boost/*", "yaml-cpp/*", "hiredis/*", "lmdb.h", "lz4.h", "blosc.h",
                       "systemd/*"]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

Include = collections.namedtuple("Include", "path line name target")


def count(root):
    return len(code(root))


def code(root):
    return [path for path in sources.walk(root) if path.suffix in sources.CODE or path.suffix == ".def"]


def includes_of(root, path, known):
    """The include lines of a file; target is a file of the tree, or None."""
    for number, line in enumerate(sources.read(root, path).splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            name = match.group(2)
            places = ["", "abi", "tests"]
            if match.group(1) == '"':
                places.insert(0, str(path.parent))
            candidates = [pathlib.PurePosixPath(posixpath.normpath(posixpath.join(place, name))) for place in places]
            target = next((candidate for candidate in candidates if candidate in known), None)
            if target is None and match.group(1) == '"':
                target = pathlib.PurePosixPath("missing") / name
            yield Include(path, number, name, target)


def folder_of(path):
    """The entry of EDGES that holds a file."""
    for parent in path.parents:
        if str(parent) in EDGES:
            return str(parent) if parent == path.parent or str(parent) != "daemon" else None
    return None


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(str(name), pattern) for pattern in patterns)


def check_edge(include, known):
    at = f"{include.path}:{include.line}: includes {include.name}"
    if include.target not in known:
        return f"{at}, which is not in the tree"
    if include.target.suffix in (".c", ".cc"):
        return f"{at}: only headers are included"
    source, target = folder_of(include.path), folder_of(include.target)
    if source is None or target is None:
        folder = include.path.parent if source is None else include.target.parent
        return f"{at}: tests/style/layers.py has no entry for {folder}"
    if source != target and target not in EDGES[source]:
        return f"{at}: {source} may not include {target}"
    return None


def check_owner(include):
    for header, owners in OWNERS.items():
        if fnmatch.fnmatchcase(include.name, header) and not matches(include.path, owners):
            if header in OWNERS_ALWAYS_ASKED or not matches(include.path, OUTSIDE):
                return f"{include.path}:{include.line}: includes {include.name}: that is left to {', '.join(owners)}"
    return None


def cycles(graph):
    """One finding for each header that closes a circle of includes."""
    findings, state = [], {}

    def visit(path, way):
        state[path] = "open"
        for target in graph.get(path, []):
            if state.get(target) == "open":
                circle = way[way.index(target):] + [target]
                findings.append(f"{path}: includes go in a circle: {' -> '.join(str(each) for each in circle)}")
            elif target not in state:
                visit(target, way + [target])
        state[path] = "done"

    for path in sorted(graph):
        if path not in state:
            visit(path, [path])
    return findings


def check(root):
    known = {pathlib.PurePosixPath(path) for path in code(root)}
    findings, graph = [], collections.defaultdict(list)
    for path in sorted(known):
        for include in includes_of(root, path, known):
            if include.target is None:
                findings.append(check_owner(include))
            else:
                findings.append(check_edge(include, known))
                graph[path].append(include.target)
    return [finding for finding in findings if finding] + cycles(graph)


GOOD = {
    "abi/uakv.h": '#include <stdint.h>\n#include "uakv_status.def"\n',
    "abi/uakv_status.def": "",
    "ipc/wire.h": '#include "abi/uakv.h"\n',
    "ipc/mapping.cc": '#include "ipc/wire.h"\n#include <boost/interprocess/mapped_region.hpp>\n',
    "clientlib/api.cc": '#include "ipc/wire.h"\n#include <uakv.h>\n',
    "clientlib/lookup.h": "",
    "daemon/base/log.h": "#include <fmt/core.h>\n",
    "daemon/io/uring.cc": '#include "daemon/base/log.h"\n#include <liburing.h>\n',
    "daemon/store/index.h": '#include "daemon/base/log.h"\n#include "ipc/wire.h"\n',
    "daemon/control/session.h": '#include "daemon/store/index.h"\n',
    "daemon/main.cc": '#include "daemon/control/session.h"\n',
    "tests/support/daemon.h": "#include <uakv.h>\n",
    "tests/unit/index_test.cc": '#include "daemon/store/index.h"\n#include "support/daemon.h"\n#include <sys/mman.h>\n',
}

BAD = [
    ("abi up", {"abi/uakv.h": '#include "ipc/wire.h"\n', "ipc/wire.h": ""}, "abi may not include ipc"),
    ("ipc up", {"ipc/wire.h": '#include "daemon/base/log.h"\n'}, "ipc may not include daemon/base"),
    ("ipc sideways", {"ipc/wire.h": '#include "clientlib/lookup.h"\n'}, "ipc may not include clientlib"),
    ("client to daemon", {"clientlib/api.cc": '#include "daemon/base/log.h"\n'}, "may not include daemon/base"),
    ("daemon to client", {"daemon/main.cc": '#include "clientlib/lookup.h"\n'}, "daemon may not include clientlib"),
    ("store to client", {"daemon/store/index.h": ' # include "../../clientlib/lookup.h"\n'}, "may not include client"),
    ("store up", {"daemon/store/slots.cc": '#include "daemon/control/session.h"\n'}, "daemon/store may not include"),
    ("io sideways", {"daemon/config/x.h": "", "daemon/io/a.cc": '#include "daemon/config/x.h"\n'}, "may not include"),
    ("example inside", {"examples/a.c": '#include "ipc/wire.h"\n'}, "examples may not include ipc"),
    ("support inside", {"tests/support/daemon.h": '#include "ipc/wire.h"\n'}, "tests/support may not include ipc"),
    ("unknown folder", {"daemo/a.cc": '#include "abi/uakv.h"\n'}, "has no entry for daemo"),
    ("unknown part", {"daemon/tiers/a.cc": '#include "abi/uakv.h"\n'}, "has no entry for daemon/tiers"),
    ("not there", {"ipc/ring.h": '#include "ipc/wires.h"\n'}, "not in the tree"),
    ("source", {"daemon/main.cc": '#include "daemon/io/uring.cc"\n'}, "only headers"),
    ("liburing", {"daemon/store/index.h": "#include <liburing.h>\n"}, "left to daemon/io"),
    ("liburing in a test", {"tests/unit/a.cc": "#include <liburing.h>\n"}, "left to daemon/io"),
    ("yaml", {"daemon/config/keys.cc": "#include <yaml-cpp/yaml.h>\n"}, "left to daemon/config/config_file.cc"),
    ("boost", {"ipc/wire.h": "#include <boost/interprocess/offset_ptr.hpp>\n"}, "left to ipc/mapping.cc"),
    ("openssl", {"clientlib/api.cc": "#include <openssl/sha.h>\n"}, "left to clientlib/keys.cc"),
    ("socket", {"daemon/control/listener.cc": "#include <sys/socket.h>\n"}, "left to ipc/unix_socket"),
    ("mapping", {"daemon/store/segments.cc": "#include <sys/mman.h>\n"}, "left to ipc/memfd.cc"),
    ("fmt in the library", {"clientlib/api.cc": "#include <fmt/core.h>\n"}, "left to daemon"),
    ("bench up", {"bench/a.h": '#include "bench/peers/b.h"\n', "bench/peers/b.h": ""}, "bench may not include bench/p"),
    ("lmdb", {"bench/peers/main.cc": "#include <lmdb.h>\n"}, "left to bench/peers/lmdb_peer.cc"),
    ("sd-daemon", {"daemon/main.cc": "#include <systemd/sd-daemon.h>\n"}, "left to daemon/service"),
    ("circle", {"ipc/a.h": '#include "b.h"\n', "ipc/b.h": '#include "ipc/a.h"\n'}, "in a circle: ipc/a.h -> ipc/b.h"),
    ("itself", {"ipc/a.h": '#include "a.h"\n'}, "in a circle: ipc/a.h -> ipc/a.h"),
]

if __name__ == "__main__":
    sys.exit(sources.main(check, count, GOOD, BAD))
