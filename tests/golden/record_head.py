#!/usr/bin/env python3
"""Records the class-sharded ArcFace head of the reference: loss, embedding and weight gradients at 1, 2 and 3 ranks.

  record_head.py --reference DIR [--out FILE]    (DIR: a clone of HaiyuWu/iccv2025-fr-competition)

Runs the reference's own PartialFC_V2 and ArcFace, unmodified, on the CPU (see reference_run.py). Inputs come from integer
formulas that tests/mpi/golden_head.cpp repeats.
Recorded with Python 3.11, torch 2.11.0, numpy as printed in the file's first line.
"""
import argparse
import os

import numpy as np
import torch

from head_inputs import CLASSES, LABELS, ROWS, SIZE, inputs
from reference_run import DATA, run_ranks, write_header, write_values

MARGIN = 0.5


def run(rank, world, dtype):
    from losses import ArcFace
    from model.partial_fc import PartialFC_V2
    embeddings, weight = inputs()
    batch = ROWS // world
    head = PartialFC_V2(ArcFace(margin=MARGIN), SIZE, CLASSES)
    with torch.no_grad():
        head.weight.copy_(torch.tensor(weight[head.class_start:head.class_start + head.num_local]))
    own = torch.tensor(embeddings[rank * batch:(rank + 1) * batch], dtype=dtype, requires_grad=True)
    labels = torch.tensor(LABELS[rank * batch:(rank + 1) * batch])
    loss = head(own, labels)
    loss.backward()
    return loss.item(), own.grad.numpy().copy(), head.weight.grad.numpy().copy()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--out", default=os.path.join(DATA, "head.txt"))
    options = parser.parse_args()
    os.makedirs(os.path.dirname(options.out), exist_ok=True)
    with open(options.out, "w") as out:
        write_header(out, "record_head.py")
        for dtype, name in ((torch.float64, "f64"), (torch.float32, "f32")):
            for world in (1, 2, 3):
                results = run_ranks(run, world, options.reference, dtype, dtype)
                assert len({result[0] for result in results}) == 1
                write_values(out, f"{name}.world{world}.loss", [results[0][0]])
                write_values(out, f"{name}.world{world}.embedding_gradient", np.concatenate([r[1] for r in results]))
                write_values(out, f"{name}.world{world}.weight_gradient", np.concatenate([r[2] for r in results]))


if __name__ == "__main__":
    main()
