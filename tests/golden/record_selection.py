"""Records which pictures, under which labels and in which order, the reference's own LMDB class and DistributedSampler give
for a .txt list with mask, label_map and fixed_size.

    python tests/golden/record_selection.py --reference /path/to/iccv2025-fr-competition > tests/golden/data/selection.txt

The list's lines, then ---, then for each case: a line "case NAME CLASSES LENGTH FIXED_SIZE", "mask HEX" and "label_map HEX" (the
bytes of the .npy files; - where there is none) and lines "order EPOCH WORLD RANK LABEL:PATH ...". Each picture is of one
colour that tells its line, so that PATH is what the reference really opened.
"""
import argparse
import contextlib
import io
import os
import sys
import tempfile

import numpy as np
from PIL import Image

PATHS = ["r/b/1.png", "r/a/1.png", "r/e/1.png", "r/e/2.png", "r/c/1.png", "r/b/2.png", "r/a/2.png", "r/d/1.png", "r/e/3.png",
         "r/a/3.png", "r/c/2.png", "r/b/3.png", "r/e/4.png", "r/a/4.png", "r/e/5.png"]

MASK = [5, 0, 3, 14, 9, 8, 10, 1]
MAP = {"0": 2, "4": 0, "3": np.int64(1), "77": 3}
CASES = {
    "plain": {},
    "mask_int64": {"mask": np.array(MASK)},
    "mask_int32_repeats": {"mask": np.array([2, 2, 7, 2, 11], dtype=np.int32)},
    "mask_uint8": {"mask": np.array([14, 13], dtype=np.uint8)},
    "label_map": {"label_map": MAP},
    "fixed_size": {"fixed_size": 6},
    "fixed_size_all": {"fixed_size": 15},
    "mask_label_map": {"mask": np.array(MASK), "label_map": MAP},
    "mask_fixed_size": {"mask": np.array(MASK), "fixed_size": 5},
    "all_three": {"mask": np.array(MASK), "label_map": MAP, "fixed_size": 7},
}


def saved(folder, name, value):
    """np.save's file and its bytes in hex; (None, "-") without a value."""
    if value is None:
        return None, "-"
    path = f"{folder}/{name}.npy"
    np.save(path, value)
    with open(path, "rb") as f:
        return path, f.read().hex()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--reference", required=True)
    sys.path.insert(0, parser.parse_args().reference)
    from data.data_loader_train_lmdb import LMDB
    from data.dist import DistributedSampler

    print(f"# numpy {np.__version__}; reference data/data_loader_train_lmdb.py LMDB, data/dist.py DistributedSampler")
    print("\n".join(PATHS) + "\n---")
    with tempfile.TemporaryDirectory() as folder:
        for i, path in enumerate(PATHS):
            os.makedirs(os.path.dirname(f"{folder}/{path}"), exist_ok=True)
            Image.new("RGB", (2, 2), (i, 0, 0)).save(f"{folder}/{path}")
        with open(f"{folder}/list.txt", "w") as f:
            f.writelines(f"{folder}/{path}\n" for path in PATHS)
        for name, case in CASES.items():
            mask, mask_hex = saved(folder, "mask", case.get("mask"))
            label_map, map_hex = saved(folder, "label_map", case.get("label_map"))
            fixed_size = case.get("fixed_size")
            with contextlib.redirect_stdout(io.StringIO()):  # it tells how many images it will load
                dataset = LMDB(f"{folder}/list.txt", mask=mask, label_map=label_map, fixed_size=fixed_size)
            print("case", name, dataset.classnum, len(dataset), fixed_size or 0)
            print("mask", mask_hex)
            print("label_map", map_hex)
            for epoch in (0, 3):
                for world, rank in ((1, 0), (2, 0), (2, 1)):
                    sampler = DistributedSampler(dataset, num_replicas=world, rank=rank, shuffle=True, seed=2048,
                                                 fixed_size=fixed_size)
                    sampler.set_epoch(epoch)
                    rows = []
                    for index in sampler:
                        picture, label = dataset[index]
                        rows.append(f"{label}:{PATHS[picture.getpixel((0, 0))[0]]}")
                    print("order", epoch, world, rank, *rows)


if __name__ == "__main__":
    main()
