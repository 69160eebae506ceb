"""Records what the data tools must reproduce.

    python tests/golden/record_data_tools.py CLONE SHARED

CLONE: a clone of HaiyuWu/iccv2025-fr-competition; SHARED: the folder that holds data/orl/val/orl_val.xz.
Writes beside itself in data/: pickles.txt (the same tiny verification set pickled in every way, hex), list_order.txt
(the order and labels that the reference's own LMDB class gives a list), prepare_orl_val.txt (checksums of what the
reference's own load_xz and convert_to_test make of a set),
sizes.xz (a set of pictures of other sizes) and prepare_sizes.txt.
"""
import lzma
import os
import pickle
import struct
import sys
import tempfile
import types
import zlib

import cv2
import numpy as np

clone, shared = sys.argv[1:3]
here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
sys.path.insert(0, clone)
for name in ("matplotlib", "matplotlib.pyplot", "six", "msgpack", "lmdb", "wids"):  # imported by the reference, not used here
    try:
        __import__(name)
    except ImportError:
        sys.modules[name] = types.ModuleType(name)

# --- pickles -------------------------------------------------------------------------------------------------------
pictures = [b"\xff\xd8 picture\n0 \\ \x00", b"\xff\xd8'\"\r\t1\x7f\x80", bytes(range(256)), b"x" * 300]
issame = [True, False]
cases = {}
for protocol in range(6):
    def add(what, value):
        cases[f"{what}_protocol{protocol}"] = pickle.dumps(value, protocol)
    add("lists", (pictures, issame))
    add("ints_tuple", [tuple(pictures), [1, 0]])
    add("bool_array", (pictures, np.array(issame)))
    add("int64_array", (pictures, np.array([1, 0], dtype=np.int64)))
    add("numpy_bools", (pictures, [np.bool_(True), np.bool_(False)]))
    add("numpy_ints", (pictures, [np.int64(1), np.uint8(0)]))
    add("uint8_arrays", ([np.frombuffer(p, dtype=np.uint8).copy() for p in pictures], issame))
    add("bytearrays", ([bytearray(p) for p in pictures], issame))
    add("object_array", (np.array(pictures, dtype=object), issame))
for name in list(cases):  # as NumPy 1 named its modules
    if b"numpy._core" in cases[name] and name[-1] in "0123":
        cases[name + "_numpy1"] = cases[name].replace(b"numpy._core", b"numpy.core")


def python2_repr(s):
    return repr(s)[1:].encode("ascii")


# Python 2's protocol 0: S'...' lines, I01/I00; protocol 2: U and T strings, cPickle's q memo.
cases["python2_protocol0"] = b"((lp1\n" + b"".join(b"S" + python2_repr(p) + b"\np%d\na" % (i + 2) for i, p in enumerate(pictures)) \
    + b"(lp9\nI01\naI00\natp10\n."
text = b"\x80\x02]q\x01("
for i, p in enumerate(pictures):
    text += (b"U" + bytes([len(p)]) if len(p) < 256 else b"T" + struct.pack("<i", len(p))) + p + b"q" + bytes([i + 2])
cases["python2_protocol2"] = text + b"e]q\x10(\x88\x89e\x86q\x11."
for name, data in cases.items():  # Python itself must read each as the same set
    imgs, same = pickle.loads(data, encoding="bytes")
    assert [bytes(i) for i in imgs] == pictures and [bool(s) for s in same] == issame, name
with open(f"{here}/pickles.txt", "w") as f:
    for name, data in cases.items():
        f.write(f"{name} {data.hex()}\n")

# --- the list's order ----------------------------------------------------------------------------------------------
from data.data_loader_train_lmdb import LMDB  # noqa: E402

lines = ["/data/a/bob/2.jpg", "/data/a/alice/1.jpg", "/data/a/bob/1.jpg", "/data/a/Zoe/1.jpg", "", "/data/b/alice/7.jpg",
         "rel/10/1.jpg", "rel/9/1.jpg", "/data/a/\u00e9mile/1.jpg", "/data/a/zo\u00eb/1.jpg", "/data/a/bob/0.jpg",
         "/data/a/alice b/1.jpg", "/data/a/alice-b/1.jpg", "/data/a/\U0001f600/x y.jpg", "/data/a/10/2.jpg"]
with tempfile.TemporaryDirectory() as folder:
    path = f"{folder}/list.txt"
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    source = LMDB(path)
with open(f"{here}/list_order.txt", "w", encoding="utf-8") as f:
    f.write("\n".join(lines) + "\n---\n")
    for sample, label in zip(source.samples, source.targets):
        f.write(f"{label} {sample}\n")

# --- a prepared set ------------------------------------------------------------------------------------------------
from utils.prepare_test_images import convert_to_test, load_xz  # noqa: E402



def record_prepared(source, name):
    with tempfile.TemporaryDirectory() as folder:
        images, same = load_xz(source)
        convert_to_test(images, same, name, folder)
        with open(f"{here}/prepare_{name}.txt", "w") as f:
            for part in (f"{name}.npy", "issame.txt"):
                data = open(f"{folder}/{name}/{part}", "rb").read()
                f.write(f"{part} {len(data)} {zlib.crc32(data)}\n")


record_prepared(f"{shared}/data/orl/val/orl_val.xz", "orl_val")

# Pictures of other sizes, which are resized; one is grey, one a PNG.
rng = np.random.default_rng(1)
encoded = []
for height, width, ending in ((130, 90, ".jpg"), (250, 250, ".jpg"), (112, 112, ".jpg"), (40, 40, ".png")):
    picture = cv2.resize(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    if height == 112:
        picture = picture[:, :, 0]
    encoded.append(cv2.imencode(ending, picture)[1].tobytes())
with lzma.open(f"{here}/sizes.xz", "wb") as f:
    f.write(pickle.dumps((encoded, issame), 2))
record_prepared(f"{here}/sizes.xz", "sizes")
