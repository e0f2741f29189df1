#!/usr/bin/env python3
"""examples/kubernetes without a cluster: each file is read, every pod in it has what uakv needs and shares nothing but
the folder of the socket, and uakvd itself looks at the options and the configuration that it would get.

usage: kubernetes.py FOLDER UAKVD | --self-test FOLDER UAKVD"""

import copy
import pathlib
import re
import subprocess
import sys
import tempfile

SKIPPED = 77
KINDS = {"ConfigMap": "v1", "Pod": "v1", "DaemonSet": "apps/v1"}
IMAGES = {"uakv", "engine"}  # names that stand for images of the reader's own
SOCKET_FOLDER = "/run/uakv"
NOT_ALLOWED = ("hostIPC", "hostPID", "hostNetwork", "shareProcessNamespace")
UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}


def size(text):
    number, unit = re.fullmatch(r"(\d+)([KMG]i)B?", text).groups()
    return int(number) * UNITS[unit]


def pod_of(document):
    return document["spec"] if document["kind"] == "Pod" else document["spec"]["template"]["spec"]


def containers_of(pod):
    return pod.get("initContainers", []) + pod["containers"]


def check_container(container, pod):
    name = container["name"]
    security = {**pod.get("securityContext", {}), **container.get("securityContext", {})}
    if container["image"] not in IMAGES:
        yield f"{name}: the image is {container['image']}, none of {sorted(IMAGES)}"
    if security.get("privileged") or security.get("allowPrivilegeEscalation") is not False:
        yield f"{name}: it may gain rights"
    if security.get("capabilities", {}).get("drop") != ["ALL"]:
        yield f"{name}: it keeps capabilities"
    if container["command"][0] == "uakvd" if "command" in container else True:
        if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
            yield f"{name}: it does not run as a user of its own"
    volumes = {volume["name"] for volume in pod.get("volumes", [])}
    for mounted in container.get("volumeMounts", []):
        if mounted["name"] not in volumes:
            yield f"{name}: there is no volume {mounted['name']}"
    if container["image"] == "engine" and [m["mountPath"] for m in container["volumeMounts"]] != [SOCKET_FOLDER]:
        yield f"{name}: it shares more than the folder of the socket"


def settings_of(container, documents):
    """The words for uakvd, with the file of the ConfigMap in place of the mounted one, and the memory that they say."""
    words = [word for word in container["command"][1:] if word != "--fd-keeper"]
    text = " ".join(words)
    if "--config" in words:
        name = pathlib.PurePath(words[words.index("--config") + 1]).name
        content = next(d["data"][name] for d in documents if d["kind"] == "ConfigMap")
        with tempfile.NamedTemporaryFile("w", suffix=name, delete=False) as file:
            file.write(content)
        words[words.index("--config") + 1] = file.name
        text = content
    return words, re.search(r"memory:? (\d+[KMG]i)B", text).group(1)


def check_daemon(container, pod, documents, uakvd):
    name = container["name"]
    if "--fd-keeper" not in container["command"]:
        yield f"{name}: nobody keeps the cache when the daemon dies"
    words, memory = settings_of(container, documents)
    run = subprocess.run([uakvd, *words, "--check-config"], text=True, capture_output=True, check=False)
    for file in (word for word in words if word.startswith(tempfile.gettempdir())):
        pathlib.Path(file).unlink()
    if run.returncode != 0:
        yield f"{name}: uakvd refuses this: {run.stderr.strip()}"
    resources = container["resources"]
    if size(resources["limits"]["memory"]) < size(memory) * 102 // 100 + (128 << 20):
        yield f"{name}: {resources['limits']['memory']} does not hold the cache of {memory}, which counts there"
    if resources["limits"]["memory"] != resources["requests"]["memory"]:
        yield f"{name}: memory is requested that may not be there"
    if SOCKET_FOLDER not in [mounted["mountPath"] for mounted in container["volumeMounts"]]:
        yield f"{name}: the folder of the socket is no volume"
    if pod.get("terminationGracePeriodSeconds", 30) <= 30:
        yield f"{name}: it is killed before its disk is written"


def check(files, uakvd):
    """{name: documents}"""
    for name, documents in files.items():
        for document in documents:
            if KINDS.get(document.get("kind")) != document.get("apiVersion") or not document["metadata"]["name"]:
                yield f"{name}: {document.get('apiVersion')} {document.get('kind')} is not what it should be"
            if document.get("kind") == "ConfigMap":
                continue
            pod = pod_of(document)
            found = [f"{word} is set" for word in NOT_ALLOWED if word in pod]
            for container in containers_of(pod):
                found += check_container(container, pod)
                if container.get("command", [""])[0] == "uakvd":
                    found += check_daemon(container, pod, documents, uakvd)
            yield from (f"{name}: {line}" for line in found)
        if name == "daemonset.yaml":
            spec = documents[1]["spec"]
            if spec["selector"]["matchLabels"] != spec["template"]["metadata"]["labels"]:
                yield f"{name}: the selector does not select its pods"


def set_at(documents, path, value):
    *way, last = path
    for step in way:
        documents = documents[step]
    documents[last] = value


def self_test(files, uakvd):
    """Each change of a good file must give one finding with these words."""
    sidecar = [0, "spec", "initContainers", 0]
    daemon = [1, "spec", "template", "spec", "containers", 0]
    changes = (
        ("sidecar.yaml", [0, "spec", "hostIPC"], True, "hostIPC is set"),
        ("daemonset.yaml", [1, "spec", "template", "spec", "hostPID"], False, "hostPID is set"),
        ("sidecar.yaml", [*sidecar, "image"], "registry/uakv", "the image is"),
        ("sidecar.yaml", [*sidecar, "resources", "limits", "memory"], "8Gi", "does not hold the cache"),
        ("sidecar.yaml", [*sidecar, "command"], ["uakvd", "--memory", "8GiB"], "nobody keeps"),
        ("sidecar.yaml", [*sidecar, "command", 2], "--sockets", "uakvd refuses"),
        ("daemonset.yaml", [0, "data", "uakvd.yaml"], "memory: 8GiB\ngc: 1\n", "uakvd refuses"),
        ("daemonset.yaml", [*daemon, "volumeMounts", 1, "name"], "disc", "there is no volume disc"),
        ("engine.yaml", [0, "spec", "containers", 0, "volumeMounts", 0, "mountPath"], "/dev/shm", "shares more"),
        ("engine.yaml", [0, "apiVersion"], "v2", "is not what it should be"),
    )
    wrong = [f"the files as they are: {line}" for line in check(files, uakvd)]
    for name, path, value, words in changes:
        changed = copy.deepcopy(files)
        set_at(changed[name], path, value)
        found = list(check(changed, uakvd))
        if not any(words in line for line in found) or len(found) > 2:
            wrong.append(f"{name} with {path[-1]} {value}: expected \"{words}\", got {found}")
    print("\n".join(wrong) or f"self-test: {len(changes)} changed files, each found")
    return 1 if wrong else 0


def main():
    try:
        import yaml  # pylint: disable=import-outside-toplevel
    except ImportError:
        print("skipped: this Python has no yaml; the Debian package is python3-yaml")
        return SKIPPED
    folder, uakvd = [word for word in sys.argv[1:] if not word.startswith("--")]
    files = {path.name: list(yaml.safe_load_all(path.read_text())) for path in pathlib.Path(folder).glob("*.yaml")}
    if len(files) < 3:
        print(f"{folder} has {len(files)} files: a test that looks at nothing proves nothing")
        return 1
    if "--self-test" in sys.argv:
        return self_test(files, uakvd)
    found = list(check(files, uakvd))
    print("\n".join(found) or f"{len(files)} files, none of them wrong")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
