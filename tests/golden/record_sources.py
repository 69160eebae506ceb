"""Records small data sets written by the reference's own tools, and what its own classes read from them.

    PYTHONPATH=DIR python tests/golden/record_sources.py --reference CLONE --parent CLONE

CLONEs of HaiyuWu/iccv2025-fr-competition and HaiyuWu/SOTA-Face-Recognition-Train-and-Test; Python with lmdb, msgpack, pandas, torchvision
and webdataset 0.2 (the last with wids; DIR may hold it). Writes data/sources/: faces.lmdb (the parent's list2lmdb),
datasets_webdataset.json, dataset_info.txt and tar/ (the parent's make_wds_shards), and expected.txt: per kind and picture its number,
label, size and CRC-32; then the labels that list2lmdb gives an ungrouped list, beside the identities' names.
"""
import argparse
import contextlib
import io
import os
import shutil
import sys
import tempfile
import zlib

import lmdb
import msgpack
import numpy as np
from PIL import Image

parser = argparse.ArgumentParser()
parser.add_argument("--reference", required=True)
parser.add_argument("--parent", required=True)
arguments = parser.parse_args()
here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
target = os.path.join(here, "sources")
sys.path[:0] = [os.path.abspath(arguments.reference), os.path.join(os.path.abspath(arguments.parent), "utils")]
from imagelist2lmdb import list2lmdb  # noqa: E402
from imagelist2webdataset import make_wds_shards  # noqa: E402
from data.data_loader_train_lmdb import LMDB  # noqa: E402
from data.data_loader_train_webdataset import WebDataset  # noqa: E402

PICTURES = [("zoe", "optimised"), ("zoe", "face_gray"), ("adam", "noise_420"), ("adam", "one_row"), ("adam", "odd_444"), ("bob", "rgb")]
NAMES = ["zoe", "adam", "bob"]  # numbered as they appear
shutil.rmtree(target, ignore_errors=True)
os.makedirs(target)
lines = []


def same_pixels(picture, data):
    return np.array_equal(np.asarray(picture.convert("RGB")), np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))


with tempfile.TemporaryDirectory() as folder:
    os.environ["WIDS_CACHE"] = os.path.join(folder, "cache")
    os.makedirs(os.environ["WIDS_CACHE"])
    os.chdir(folder)
    paths, contents = [], []
    for name, stem in PICTURES:
        os.makedirs(f"faces/{name}", exist_ok=True)
        paths.append(f"faces/{name}/{stem}.jpg")
        shutil.copy(os.path.join(here, "decode", stem + ".jpg"), paths[-1])
        contents.append(open(paths[-1], "rb").read())

    # --- LMDB --------------------------------------------------------------------------------------------------------
    open("list.txt", "w").write("\n".join(paths) + "\n")
    with contextlib.redirect_stdout(sys.stderr):
        list2lmdb("list.txt", ".", "faces", num_workers=0)
    data = LMDB("faces.lmdb")
    assert len(data) == len(paths) and data.classnum == len(NAMES)
    for i, content in enumerate(contents):
        picture, label = data[i]
        assert same_pixels(picture, content) and label == NAMES.index(PICTURES[i][0])
        lines.append(f"lmdb {i} {label} {len(content)} {zlib.crc32(content)}")
    data.env.close()
    shutil.copy("faces.lmdb", target)

    # --- tar shards --------------------------------------------------------------------------------------------------
    os.makedirs("tar")

    def sample(item):
        stem = os.path.splitext(os.path.basename(item))[0]
        return {"__key__": stem, "jpg": open(item, "rb").read(), "cls": NAMES.index(item.split("/")[-2])}

    make_wds_shards(pattern="./tar/faces-%06d.tar", num_shards=2, num_workers=1, samples=paths, map_func=sample)
    open("dataset_info.txt", "w").write(f"ids:{len(NAMES)} images:{len(paths)}\n")
    data = WebDataset("datasets_webdataset.json")
    assert len(data) == len(paths)
    order = [i for shard in range(2) for i in range(shard, len(paths), 2)]  # the tool deals the list out to the shards
    for i, k in enumerate(order):
        picture, label = data[i]
        assert same_pixels(picture, contents[k]) and label == NAMES.index(PICTURES[k][0])
        lines.append(f"tar {i} {label} {len(contents[k])} {zlib.crc32(contents[k])}")
    for name in ("datasets_webdataset.json", "dataset_info.txt", "tar"):
        (shutil.copytree if os.path.isdir(name) else shutil.copy)(name, os.path.join(target, name))

    # --- an ungrouped list -------------------------------------------------------------------------------------------
    ungrouped = [paths[k] for k in (0, 2, 1, 5, 3, 4)]
    open("ungrouped.txt", "w").write("\n".join(ungrouped) + "\n")
    with contextlib.redirect_stdout(sys.stderr):
        list2lmdb("ungrouped.txt", ".", "ungrouped", num_workers=0)
    with lmdb.open("ungrouped.lmdb", subdir=False, readonly=True, lock=False) as env, env.begin() as txn:
        for i, path in enumerate(ungrouped):
            lines.append(f"ungrouped {i} {msgpack.loads(txn.get(str(i).encode()))[1]} {path.split('/')[-2]} {path}")
open(os.path.join(target, "expected.txt"), "w").write("\n".join(lines) + "\n")
