"""Records InsightFace's train.rec and train.idx as MXNet itself writes them.

    PYTHONPATH=DIR python tests/golden/record_recordio.py

Python with mxnet 1.9.1 and numpy 1.23 (DIR may hold them). Writes data/recordio/: train.rec, train.idx (record 0 and a record for each
identity, as InsightFace's face2rec2.py lays them out; labels alone and as an array; a picture that holds RecordIO's magic number, which
MXNet cuts there), plain.rec, plain.idx (no record 0, keys in no order), and expected.txt: per file and picture its key, label, size and
CRC-32, as MXNet reads them back.
"""
import numbers
import os
import struct
import zlib

import numpy as np

np.bool, np.object = bool, object  # mxnet names them so
from mxnet import recordio  # noqa: E402

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
target = os.path.join(here, "recordio")
os.makedirs(target, exist_ok=True)
pictures = [open(os.path.join(here, "decode", stem + ".jpg"), "rb").read() for stem in ("one_row", "odd_420", "optimised", "one_pixel")]
magic = struct.pack("<I", 0xCED7230A)
cut = pictures[1] + b"x" * (-len(pictures[1]) % 4) + magic + magic + b"y" * 8 + magic + b"tail"  # three times at a multiple of 4
contents = [pictures[0], cut, pictures[2], pictures[3], magic, pictures[1] + b"z" + magic]
labels = [0, 0, np.array([1, 0.5], dtype=np.float32), 1, 2, 2]
lines = []


def record(name, keys, zero, identities):
    rec = recordio.MXIndexedRecordIO(f"{target}/{name}.idx", f"{target}/{name}.rec", "w")
    if zero is not None:
        rec.write_idx(0, recordio.pack(recordio.IRHeader(0, np.array(zero, dtype=np.float32), 0, 0), b""))
    for key, label, content in zip(keys, labels, contents):
        rec.write_idx(key, recordio.pack(recordio.IRHeader(0, label, key, 0), content))
    for k, ends in enumerate(identities):
        rec.write_idx(len(keys) + 1 + k, recordio.pack(recordio.IRHeader(0, np.array(ends, dtype=np.float32), len(keys) + 1 + k, 0), b""))
    rec.close()
    rec = recordio.MXIndexedRecordIO(f"{target}/{name}.idx", f"{target}/{name}.rec", "r")
    for i, key in enumerate(keys):
        header, content = recordio.unpack(rec.read_idx(key))
        label = header.label if isinstance(header.label, numbers.Number) else header.label[0]
        assert content == contents[i]
        lines.append(f"{name} {key} {int(label)} {len(content)} {zlib.crc32(content)}")


record("train", [1, 2, 3, 4, 5, 6], (7, 10), [(1, 3), (3, 5), (5, 7)])
record("plain", [9, 4, 30], None, [])
open(f"{target}/expected.txt", "w").write("\n".join(lines) + "\n")
