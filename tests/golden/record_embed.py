#!/usr/bin/env python3
"""Records the features that the parent's own feature_extractor.py writes for a few pictures.

    python3 tests/golden/record_embed.py --reference DIR

DIR is a clone of HaiyuWu/SOTA-Face-Recognition-Train-and-Test. Its feature_extractor.Extractor (create_model and extract, with
its data loader and its iresnet) runs unmodified on the CPU; the weights are record_backbones.py's formula for IResNet-18 with
SE, the pictures pixel_patterns.py's. Written beside this script: data/embed.txt. Recorded with torch 2.11.0.
"""
import argparse
import os
import sys
import tempfile
import types
import warnings
from argparse import Namespace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

HERE = Path(__file__).resolve().parent
PICTURES = [("blocks", 1), ("sawtooth", 2), ("noise", 3), ("blocks", 4), ("sawtooth", 5)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", required=True, help="a clone of HaiyuWu/SOTA-Face-Recognition-Train-and-Test")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    sys.path.insert(0, str(HERE))
    from pixel_patterns import pattern
    from record_backbones import fill

    sys.path.insert(0, str(Path(arguments.reference).resolve()))
    for name in ("wids", "msgpack", "lmdb", "six"):  # the data package imports them for training
        try:
            __import__(name)
        except ImportError:
            sys.modules[name] = types.ModuleType(name)
    import feature_extractor
    from model import iresnet

    with tempfile.TemporaryDirectory() as folder:
        network = iresnet("18", fp16=True, mode="se")
        with torch.no_grad():
            fill(network, True)
        torch.save(network.state_dict(), f"{folder}/m.pth")
        paths = []
        for kind, seed in PICTURES:
            os.makedirs(f"{folder}/{kind}", exist_ok=True)
            paths.append(f"{folder}/{kind}/{seed}.png")
            Image.fromarray(pattern(kind, seed, 112, 112)).save(paths[-1])
        Path(f"{folder}/list.txt").write_text("\n".join(paths) + "\n")
        args = Namespace(model="iresnet", depth="18", mode="se", model_path=f"{folder}/m.pth", image_paths=f"{folder}/list.txt",
                         batch_size=2, workers=0, destination=f"{folder}/features")
        feature_extractor.Extractor(args).extract(args)
        with open(HERE / "data" / "embed.txt", "w") as out:
            print("# the parent's feature_extractor.py; torch", torch.__version__, file=out)
            for kind, seed in PICTURES:
                feature = np.load(f"{folder}/features/{kind}/{seed}.npy")
                assert feature.dtype == np.float32 and feature.shape == (512,)
                print(f"{kind}/{seed}", len(feature), file=out)
                print(*("%.9g" % v for v in feature), file=out)


if __name__ == "__main__":
    main()
