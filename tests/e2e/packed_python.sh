#!/usr/bin/env bash
# What `facetrain pack` writes is read by the reference's own classes: class LMDB gives for our .lmdb, and class WebDataset for our tar
# shards, the pictures and labels that class LMDB gives for the list itself.
# FACETRAIN_PYTHON: a Python with torch, torchvision, lmdb, msgpack, pandas, six, cv2 (and webdataset 0.2, whose wids reads the shards);
# FACETRAIN_REFERENCE: a clone of HaiyuWu/iccv2025-fr-competition. usage: packed_python.sh BIN_DIR
set -euo pipefail
bin=$1
. "$(dirname "$0")/../reference_python.sh"
reference_python 'torch, torchvision, lmdb, msgpack, pandas, six, cv2' data/data_loader_train_lmdb.py
"$bin/facetrain-data" synth --ids 5 --per-id 4 --out "$folder/demo"
"$bin/facetrain-data" list -s "$folder/demo/train" -d "$folder" -sfn sorted
shuf --random-source=<(yes) "$folder/sorted.txt" >"$folder/list.txt"   # ungrouped
"$bin/facetrain-data" pack -s "$folder/list.txt" -o "$folder/faces.lmdb"
"$bin/facetrain-data" pack -s "$folder/list.txt" -o "$folder/tar/faces.json" --shard 7
"$python" - <<'PYTHON'
import os, sys, types
import numpy as np
folder = os.environ["folder"]
os.environ["WIDS_CACHE"] = folder + "/cache"
os.makedirs(folder + "/cache")
sys.path.insert(0, os.environ["reference"])
try:
    import wids
except ImportError:
    wids = None
    sys.modules["wids"] = types.ModuleType("wids")  # the reference imports it anyway
from data.data_loader_train_lmdb import LMDB
from data.data_loader_train_webdataset import WebDataset
expected = LMDB(folder + "/list.txt")
packed = LMDB(folder + "/faces.lmdb")
assert len(packed) == len(expected) == 20 and packed.classnum == expected.classnum == 5
sources = [packed]
if wids:
    sources.append(WebDataset(folder + "/tar/faces.json"))
    assert len(sources[1]) == 20
for source in sources:
    for i in range(20):
        (picture, label), (wanted, wanted_label) = source[i], expected[i]
        assert label == wanted_label, (i, label, wanted_label)
        assert np.array_equal(np.asarray(picture), np.asarray(wanted)), i
print("as the reference reads the list:", ", ".join(type(source).__name__ for source in sources))
PYTHON
echo "passed"
