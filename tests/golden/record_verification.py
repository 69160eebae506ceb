#!/usr/bin/env python3
"""Records what the reference's own verification and submission code answers for embeddings that a formula gives.

    python3 tests/golden/record_verification.py --reference DIR

DIR is a clone of HaiyuWu/iccv2025-fr-competition. Its test.Test.evaluate_recognition, verification.evaluate and
get_submission_file.Extractor run unmodified; the network is replaced by one that hands its input on, so that the formula
below (the tests repeat it in C++) gives the embeddings. Written: data/verification.txt and data/submission.txt beside
this script. Recorded with numpy 2.4.6, scikit-learn 1.9.1, torch 2.11.0.
"""
import argparse
import os
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
LENGTH = 512


def splitmix(index):
    """splitmix64's output for counter `index` (uint64 array)."""
    with np.errstate(over="ignore"):
        z = (index + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def noise(stream, count):
    """Integers in [-32768, 32767], from `stream` (a number below 2^24) and position."""
    index = np.uint64(stream) * np.uint64(1 << 40) + np.arange(count, dtype=np.uint64)
    return (splitmix(index) >> np.uint64(48)).astype(np.int64) - 32768


def pairs_of(seed, pairs):
    """Originals, flips (float32, 2 pairs x 512) and issame: a pair's second row is the first one's share k of 16 plus noise."""
    same = noise(seed, pairs) >= 0
    draw = noise(seed + 1, pairs) & 7
    share = np.where(same, 5 + draw, draw)[:, None]
    first = noise(seed + 2, pairs * LENGTH).reshape(pairs, LENGTH)
    second = first * share + noise(seed + 3, pairs * LENGTH).reshape(pairs, LENGTH) * (16 - share)
    original = np.stack([first * 16, second], axis=1).reshape(2 * pairs, LENGTH)
    flip = original * 3 + noise(seed + 4, 2 * pairs * LENGTH).reshape(2 * pairs, LENGTH) * 16
    return original.astype(np.float32), flip.astype(np.float32), same.astype(np.int64)


class HandsOn(torch.nn.Module):
    def forward(self, x):
        return x.reshape(len(x), -1)


def record_verification(out):
    import test
    import verification

    print("# pairs seed fusion metric mean deviation fold0 .. fold9 (repr)", file=out)
    for pairs, seed in ((600, 1000), (613, 2000), (10, 3000)):
        original, flip, same = pairs_of(seed, pairs)
        for fusion in ("flip", "norm", "none"):
            for cosine in (False, True):
                test.args = Namespace(batch_size=512, add_flip=fusion == "flip", add_norm=fusion == "norm", cosine=cosine)
                tester = test.Test.__new__(test.Test)
                tester.device, tester.model = torch.device("cpu"), HandsOn()
                seen = {}
                unwrapped = verification.evaluate

                def spy(*args, **kwargs):
                    answer = unwrapped(*args, **kwargs)
                    seen["folds"] = answer[2]
                    return answer

                verification.evaluate = spy
                mean, deviation = tester.evaluate_recognition(np.concatenate([original, flip]), same.astype(float))
                verification.evaluate = unwrapped
                numbers = [float(mean), float(deviation), *map(float, seen["folds"])]
                print(pairs, seed, fusion, "cosine" if cosine else "l2", *map(repr, numbers), file=out)


def record_submission(out):
    import get_submission_file

    images = (noise(5000, 400 * LENGTH) & 255).astype(np.uint8).reshape(400, 1, 1, LENGTH)
    extractor = get_submission_file.Extractor.__new__(get_submission_file.Extractor)
    extractor.device, extractor.model = torch.device("cpu"), HandsOn()
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(f"{folder}/set")
        np.save(f"{folder}/set/images.npy", images)
        before = os.getcwd()
        os.chdir(folder)
        try:
            extractor.extract(Namespace(batch_size=16, image_paths="set/images.npy", dataset_scale="10K"))
            out.write(Path("set_10K_result.txt").read_text())
        finally:
            os.chdir(before)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", required=True, help="a clone of HaiyuWu/iccv2025-fr-competition")
    arguments = parser.parse_args()
    sys.path.insert(0, str(Path(arguments.reference).resolve()))
    (HERE / "data").mkdir(exist_ok=True)
    with open(HERE / "data" / "verification.txt", "w") as file:
        record_verification(file)
    with open(HERE / "data" / "submission.txt", "w") as file:
        record_submission(file)
