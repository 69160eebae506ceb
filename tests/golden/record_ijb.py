#!/usr/bin/env python3
"""Records what the parent's own eval_ijb.py answers for a small made-up set in IJB-C's layout, and how it aligns pictures.

    PYTHONPATH=... python3 tests/golden/record_ijb.py --reference DIR

DIR is a clone of HaiyuWu/SOTA-Face-Recognition-Train-and-Test. The whole script eval_ijb.py runs unmodified; replaced are the
network (one that answers with given numbers, so that identities can be told apart, but not always), CUDA (the CPU), menpo (a
colour for a plot) and np.int (gone from NumPy). Written to data/ijb/ beside this script: the three meta files, features.npy
(original + mirrored), scores.txt and table.txt; align.txt: for each picture its formula (pixel_patterns.py), the matrix that
skimage estimated and the CRC-32 of the RGB pixels that cv2.warpAffine made. Needs scikit-image and prettytable, and an
OpenCV before 4.11 (recorded with 4.10.0, IPP off): from 4.11 on warpAffine no longer rounds places to 1/32 pixel.
"""
import argparse
import contextlib
import io
import os
import runpy
import sys
import tempfile
import types
from pathlib import Path

import cv2
import numpy as np
import torch

HERE = Path(__file__).resolve().parent
PICTURES, TEMPLATES, LENGTH, BATCH = 120, 40, 512, 32
SHAPE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])


def make_set(folder, pattern):
    """The meta files and pictures; returns the pictures' recipes and what the network will answer."""
    rng = np.random.default_rng(7)
    template = np.sort(rng.integers(0, TEMPLATES, PICTURES - TEMPLATES))
    template = np.concatenate([np.arange(TEMPLATES), template])
    rng.shuffle(template)
    person_of = rng.integers(0, 12, TEMPLATES)
    ids = 3 * np.arange(TEMPLATES) + 11  # neither from 0 nor dense
    media = rng.integers(1, 4, PICTURES) + 100 * template  # some medias have several pictures
    os.makedirs(f"{folder}/meta")
    os.makedirs(f"{folder}/loose_crop")
    recipes, faces, points = [], [], []
    for i in range(PICTURES):
        kind, width, height = ("noise", "blocks", "sawtooth")[i % 3], 90 + i % 60, 100 + i * 7 % 50
        recipes.append((kind, i, width, height))
        cv2.imwrite(f"{folder}/loose_crop/{i + 1}.png", pattern(kind, i, width, height)[:, :, ::-1])
        scale, angle = rng.uniform(0.4, 1.3), rng.uniform(-0.5, 0.5)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        marks = (SHAPE - 56) @ turn.T + [width / 2, height / 2] + rng.normal(0, 2, (5, 2))
        faces.append(f"{i + 1}.png {ids[template[i]]} {media[i]}")
        points.append(f"{i + 1}.png " + " ".join("%.3f" % v for v in marks.ravel()) + " %.3f" % rng.uniform(0.3, 1))
    first, second = np.triu_indices(TEMPLATES, 1)
    pairs = [f"{ids[a]} {ids[b]} {int(person_of[a] == person_of[b])}" for a, b in zip(first, second)]
    for name, lines in (("face_tid_mid", faces), ("name_5pts_score", points), ("template_pair_label", pairs)):
        Path(f"{folder}/meta/ijbc_{name}.txt").write_text("\n".join(lines) + "\n")
    centres = rng.normal(0, 1, (12, LENGTH))
    answers = centres[person_of[template]][:, None] + rng.normal(0, 9.0, (PICTURES, 2, LENGTH))  # original, mirrored
    return recipes, answers.astype(np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", required=True, help="a clone of HaiyuWu/SOTA-Face-Recognition-Train-and-Test")
    reference = Path(parser.parse_args().reference).resolve()
    sys.path.insert(0, str(HERE))
    from pixel_patterns import crc, pattern

    assert tuple(map(int, cv2.__version__.split(".")[:2])) < (4, 11), cv2.__version__
    cv2.ipp.setUseIPP(False)
    folder = tempfile.mkdtemp()
    recipes, answers = make_set(folder, pattern)

    class Network(torch.nn.Module):
        taken = 0

        def forward(self, images):
            rows = answers.reshape(2 * PICTURES, LENGTH)[Network.taken:Network.taken + len(images)]
            Network.taken += len(images)
            return torch.from_numpy(rows.copy())

    network = types.ModuleType("model")
    network.iresnet = lambda *args, **kwargs: Network()
    network.PartialFC_V2 = network.get_vit = None
    sys.modules["model"] = network
    for name in ("menpo", "menpo.visualize", "menpo.visualize.viewmatplotlib"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["menpo.visualize.viewmatplotlib"].sample_colours_from_colourmap = lambda n, _: [(0, 0, 0)] * n
    np.int = int
    torch.Tensor.cuda = torch.nn.Module.cuda = lambda self, *_: self
    torch.save({}, f"{folder}/m.pth")
    warps = []
    warp = cv2.warpAffine

    def spy(picture, matrix, *args, **kwargs):
        result = warp(picture, matrix, *args, **kwargs)
        warps.append((matrix.copy(), crc(result[:, :, ::-1])))
        return result

    cv2.warpAffine = spy
    sys.argv = ["eval_ijb.py", "--model-prefix", f"{folder}/m.pth", "--image-path", folder, "--result-dir", folder,
                "--job", "job", "--batch-size", str(BATCH), "--target", "IJBC"]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        after = runpy.run_path(str(reference / "eval_ijb.py"), run_name="__main__")
    assert len(warps) == PICTURES and Network.taken == 2 * PICTURES

    out = HERE / "data" / "ijb"
    out.mkdir(exist_ok=True)
    for path in Path(f"{folder}/meta").iterdir():
        (out / path.name).write_text(path.read_text())
    feats = after["img_feats"]
    np.save(out / "features.npy", feats[:, :LENGTH] + feats[:, LENGTH:])
    scores = np.load(f"{folder}/job/ijbc.npy")
    (out / "scores.txt").write_text("\n".join("%.17g" % s for s in scores) + "\n")
    table = str(after["tpr_fpr_table"])
    assert said.getvalue().rstrip().endswith(table)
    (out / "table.txt").write_text(table + "\n")
    with open(out / "align.txt", "w") as file:
        print(f"# name kind seed width height, matrix (2 x 3), CRC-32; cv2 {cv2.__version__}", file=file)
        for i, (recipe, (matrix, check)) in enumerate(zip(recipes, warps)):
            print(f"{i + 1}.png", *recipe, *("%.17g" % v for v in matrix.ravel()), check, file=file)


if __name__ == "__main__":
    main()
