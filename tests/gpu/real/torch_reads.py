#!/usr/bin/env python3
"""PyTorch reads blocks in place, through DLPack: from host memory, and from the device where the daemon has memory.

    torch_reads.py LIBRARY

Wants a daemon, by UAKV_SOCKET. Prints one line of JSON, as the other checks do.
"""

import ctypes
import hashlib
import json
import os
import sys

MISS, UNSUPPORTED_HERE = 1, (-14, -15)  # UAKV_MISS; UAKV_ERR_GPU, UAKV_ERR_UNSUPPORTED
BYTES = 1 << 20


class Skip(Exception):
    pass


class ConnectOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("socket_path", ctypes.c_char_p),
                ("tenant", ctypes.c_char_p), ("timeout_ms", ctypes.c_uint32)]


class Capsule:
    """What torch.from_dlpack asks for: an object around one DLManagedTensorVersioned."""

    def __init__(self, pointer, device):
        self.pointer, self.device = pointer, device

    def __dlpack_device__(self):
        return self.device

    def __dlpack__(self, **_):
        make = ctypes.pythonapi.PyCapsule_New
        make.restype = ctypes.py_object
        make.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return make(self.pointer, b"dltensor_versioned", None)


def check(status, what, library):
    if status != 0:
        text = ctypes.create_string_buffer(512)
        library.uakv_last_error(None, text, len(text))
        raise RuntimeError(f"{what} gave {status}: {text.value.decode()}")


def read(library, socket, rows):
    try:
        import torch
    except ImportError as missing:
        raise Skip(f"PyTorch cannot be imported: {missing}") from missing
    rows.append(("PyTorch", torch.__version__))
    client, space = ctypes.c_void_p(), ctypes.c_void_p()
    options = ConnectOptions(ctypes.sizeof(ConnectOptions), 0, socket.encode(), None, 0)
    check(library.uakv_connect(ctypes.byref(options), ctypes.byref(client)), "uakv_connect", library)
    check(library.uakv_space_open(client, b"torch", None, ctypes.byref(space)), "uakv_space_open", library)
    content = bytearray(os.urandom(BYTES))
    key = (ctypes.c_uint8 * 32)(*hashlib.sha256(content).digest())
    check(library.uakv_store(space, key, bytes(content), ctypes.c_size_t(BYTES), None), "uakv_store", library)
    expected = torch.frombuffer(content, dtype=torch.uint8)

    tensor = ctypes.c_void_p()
    check(library.uakv_retrieve_dlpack(space, key, None, ctypes.byref(tensor)), "uakv_retrieve_dlpack", library)
    seen = torch.from_dlpack(Capsule(tensor.value, (1, 0)))
    if not torch.equal(seen, expected):
        raise RuntimeError("PyTorch sees other bytes in host memory")
    rows.append(("host memory", "read in place"))
    del seen

    if not torch.cuda.is_available():
        rows.append(("device memory", "PyTorch sees no device"))
        return
    stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
    status = library.uakv_retrieve_dlpack_cuda(space, key, 0, None, stream, ctypes.byref(tensor))
    if status in UNSUPPORTED_HERE or status == MISS:
        rows.append(("device memory", f"the daemon gave {status}"))
        return
    check(status, "uakv_retrieve_dlpack_cuda", library)
    seen = torch.from_dlpack(Capsule(tensor.value, (2, 0)))
    if not torch.equal(seen.cpu(), expected):
        raise RuntimeError("PyTorch sees other bytes on the device")
    rows.append(("device memory", "read in place"))
    del seen
    library.uakv_disconnect(client)


def main():
    rows, outcome, why = [], "passed", ""
    try:
        read(ctypes.CDLL(sys.argv[1]), os.environ["UAKV_SOCKET"], rows)
    except Skip as skip:
        outcome, why = "skipped", str(skip)
    except RuntimeError as failure:
        outcome, why = "failed", str(failure)
    print(json.dumps({"check": "torch_reads", "outcome": outcome, "why": why, "stand_in": False,
                      "rows": [{"what": what, "value": value, "unit": ""} for what, value in rows]}))
    return {"passed": 0, "skipped": 77}.get(outcome, 1)


if __name__ == "__main__":
    sys.exit(main())
