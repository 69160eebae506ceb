#!/usr/bin/env python3
"""Records what the reference's parent feeds a network for validation, and its two extra validation sets in miniature.

    python3 tests/golden/record_validation_input.py --reference DIR

DIR is a clone of HaiyuWu/SOTA-Face-Recognition-Train-and-Test. Its data.load_test_sets_recognition.get_val_pair,
utils.prepare_test_images (load_xz, convert_to_test) and utils.xz2bin.convert_to_bin run unmodified. Written beside this
script in data/: val_pair.txt (get_val_pair's numbers of a small set, as the hexadecimal bits of each float32), hadrian.xz
and eclipse.bin (ten pairs each, as the real ones are packed), prepare_hadrian.txt and prepare_eclipse.txt (sizes and
CRC-32 of the files that the parent makes of them). Recorded with numpy 2.4.6, cv2 5.0.
"""
import argparse
import importlib.util
import lzma
import pickle
import shutil
import sys
import tempfile
import types
import zlib
from pathlib import Path

import cv2
import numpy as np

from pixel_patterns import pattern

DATA = Path(__file__).resolve().parent / "data"
PAIRS = 10


def load(reference, path):
    """A file of the clone as a module, without the package's __init__, which imports training code."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, Path(reference) / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def record_val_pair(reference):
    get_val_pair = load(reference, "data/load_test_sets_recognition.py").get_val_pair
    # Two pictures of 3 x 8 x 16: every byte value is among them.
    samples = (np.arange(2 * 3 * 8 * 16) * 37 % 256).astype(np.uint8).reshape(2, 3, 8, 16)
    with tempfile.TemporaryDirectory() as folder, open(DATA / "val_pair.txt", "w") as out:
        (Path(folder) / "set").mkdir()
        np.save(f"{folder}/set/set.npy", samples)
        Path(f"{folder}/set/issame.txt").write_text("1\n")
        print("# bgr mean std, then the originals and the mirrored pictures: bits of float32", file=out)
        for rgb, mean, std in ((True, 0.5, 0.5), (False, 0.5, 0.5), (False, 0.0, 1.0), (True, 0.4, 0.3)):
            numbers, _ = get_val_pair(folder, "set", rgb=rgb, mean=mean, std=std)
            assert numbers.dtype == np.float32 and numbers.shape == (4, 3, 8, 16)
            bits = np.ascontiguousarray(numbers).view(np.uint32).ravel()
            print(int(not rgb), mean, std, *(f"{b:x}" for b in bits), file=out)


def record_sets(reference):
    prepare = load(reference, "utils/prepare_test_images.py")
    xz2bin = load(reference, "utils/xz2bin.py")
    for number, name in enumerate(("hadrian", "eclipse")):
        pictures = [cv2.imencode(".jpg", pattern("blocks", 100 * number + i, 112, 112), [cv2.IMWRITE_JPEG_QUALITY, 40])[1]
                    for i in range(2 * PAIRS)]
        issame = [i % 3 != 0 for i in range(PAIRS)]
        with tempfile.TemporaryDirectory() as folder:
            source = f"{folder}/{name}.xz"
            with lzma.open(source, "wb") as file:
                pickle.dump(([p.tobytes() for p in pictures], issame), file)
            images, same = prepare.load_xz(source)
            prepare.convert_to_test(images, same, name, folder)
            with open(DATA / f"prepare_{name}.txt", "w") as out:
                for part in (f"{name}.npy", "issame.txt"):
                    data = Path(f"{folder}/{name}/{part}").read_bytes()
                    print(part, len(data), zlib.crc32(data), file=out)
            if name == "eclipse":
                xz2bin.convert_to_bin(source, folder, name)
                shutil.copy(f"{folder}/{name}.bin", DATA)
            else:
                shutil.copy(source, DATA)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", required=True, help="a clone of HaiyuWu/SOTA-Face-Recognition-Train-and-Test")
    arguments = parser.parse_args()
    for name in ("matplotlib", "matplotlib.pyplot", "skimage", "skimage.io", "tqdm"):  # imported there, not used here
        try:
            __import__(name)
        except ImportError:
            module = sys.modules[name] = types.ModuleType(name)
            module.tqdm = lambda x: x
            if "." in name:
                setattr(sys.modules[name.split(".")[0]], name.split(".")[1], module)
    record_val_pair(arguments.reference)
    record_sets(arguments.reference)
