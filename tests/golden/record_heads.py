#!/usr/bin/env python3
"""Records every other head of the reference: loss of each rank, gradients of embeddings, centres and parameters, statistics,
at 1, 2 and 3 ranks, in float64.

  record_heads.py --reference DIR [--out FILE]
     DIR: a clone of HaiyuWu/SOTA-Face-Recognition-Train-and-Test (recorded at b8c42fe)

Runs the reference's own PartialFC_V2 and losses, unmodified, on the CPU (see reference_run.py). AdaFace reads a global name
`embeddings` that its module does not define: it is set at run time, to the gathered embeddings. UniFace's bias is widened
to float64. CircleLoss, which PartialFC_V2 cannot call, gets the normalised global batch. Labels `full` have rows of every
class; `absent`, at 3 ranks, has none of the last rank's classes. Inputs come from formulas that tests/mpi/golden_heads.cpp
repeats. Recorded with Python 3.11, torch 2.11.0, numpy as printed in the file's first line.
"""
import argparse
import os

import numpy as np
import torch

import head_inputs
from head_inputs import CLASSES, ROWS, SIZE
from reference_run import DATA, formula, run_ranks, write_header, write_values

LABELS = {"full": head_inputs.LABELS, "absent": [0, 1, 2, 3, 4, 4, 3, 0, 2, 2, 1, 0]}
# Key, class, its arguments, steps. The second step has other embeddings and the same centres.
HEADS = [
    ("cosface", "CosFace", {"margin": 0.4}, 1),
    ("sphereface", "SphereFace", {"margin": 1.7}, 1),
    ("combined_m2", "CombinedMarginLoss", {"m1": 1.0, "m2": 0.5, "m3": 0.0}, 1),
    ("combined_m3", "CombinedMarginLoss", {"m1": 1.0, "m2": 0.0, "m3": 0.4}, 1),
    ("combined_all", "CombinedMarginLoss", {"m1": 1.2, "m2": 0.3, "m3": 0.2}, 1),
    ("curricularface", "CurricularFace", {"margin": 0.5}, 2),
    ("magface", "MagFace", {"l_a": 10, "u_a": 110, "l_margin": 0.45, "u_margin": 0.8}, 1),
    ("adaface", "AdaFace", {"margin": 0.4}, 2),
    ("uniface", "UniFace", {"margin": 0.4, "bias_init": 15}, 1),
]
PARTS = ("loss", "embedding_gradient", "weight_gradient", "parameter_gradient", "statistics")
# Norms of the rows: below, at and above AdaFace's and MagFace's clamps.
NORMS = [30, 50, 5, 10, 110, 200, 20, 70, 40, 0.0005, 100, 25]


def embeddings(step):
    if step > 0:
        rows = formula(30 + step, ROWS * SIZE).reshape(ROWS, SIZE)
    else:
        rows, weight = head_inputs.inputs()
        # Not exactly at cosine +-1, where CurricularFace's and MagFace's gradients are infinite.
        rows[1] += 0.01 * weight[0]
        rows[2] += 0.01 * weight[0]
        rows[4] += 0.2 * weight[0]
    return rows / np.sqrt((rows ** 2).sum(1, keepdims=True)) * np.array(NORMS)[:, None]


def run_head(rank, world, name, arguments, steps, labels):
    import losses
    from model.partial_fc import PartialFC_V2
    batch = ROWS // world
    head = PartialFC_V2(getattr(losses, name)(**arguments), SIZE, CLASSES).double()
    with torch.no_grad():
        _, weight = head_inputs.inputs()
        head.weight.copy_(torch.tensor(weight[head.class_start:head.class_start + head.num_local]))
    results = []
    for step in range(steps):
        losses.embeddings = torch.tensor(embeddings(step))
        own = losses.embeddings[rank * batch:(rank + 1) * batch].clone().requires_grad_(True)
        head.zero_grad()
        loss = head(own, torch.tensor(labels[rank * batch:(rank + 1) * batch]))
        loss.backward()
        statistics = [buffer.item() for key, buffer in head.margin_softmax.named_buffers() if (name, key) != ("AdaFace", "t")]
        results.append((loss.item(), own.grad.numpy().copy(), head.weight.grad.numpy().copy(),
                        [parameter.grad.item() for parameter in head.margin_softmax.parameters()], statistics))
    return results


def run(rank, world, labels):
    return [run_head(rank, world, name, arguments, steps, labels) for _, name, arguments, steps in HEADS]


def circle_rows(spread):
    """One direction for each class, and noise of this size."""
    rows = np.eye(SIZE)[head_inputs.LABELS] + spread * formula(40, ROWS * SIZE).reshape(ROWS, SIZE)
    return rows * np.linspace(1, 9, ROWS)[:, None]


def circle(rank, world, spread):
    from losses import CircleLoss
    rows = torch.tensor(circle_rows(spread), requires_grad=True)
    loss = CircleLoss()(None, torch.tensor(head_inputs.LABELS), torch.nn.functional.normalize(rows))
    loss.backward()
    return loss.item(), rows.grad.numpy().copy()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--out", default=os.path.join(DATA, "heads.txt"))
    options = parser.parse_args()
    with open(options.out, "w") as out:
        write_header(out, "record_heads.py")
        for labels, world in (("full", 1), ("full", 2), ("full", 3), ("absent", 3)):
            ranks = run_ranks(run, world, options.reference, torch.float64, LABELS[labels])
            for index, (key, _, _, steps) in enumerate(HEADS):
                for step in range(steps):
                    results = [rank[index][step] for rank in ranks]
                    for part, what in enumerate(PARTS):
                        values = np.concatenate([np.ravel(result[part]) for result in results])
                        if values.size:
                            write_values(out, f"{key}.{labels}.world{world}.step{step}.{what}", values)
            print(labels, world, flush=True)
        for key, spread in (("circle_far", 1.0), ("circle_near", 0.19)):
            (loss, gradient), = run_ranks(circle, 1, options.reference, torch.float64, spread)
            print(key, loss, flush=True)
            write_values(out, key + ".loss", [loss])
            write_values(out, key + ".embedding_gradient", gradient)


if __name__ == "__main__":
    main()
