#!/usr/bin/env python3
"""Records the class-sharded ArcFace head of the reference: loss, embedding and weight gradients at 1, 2 and 3 ranks.

  record_head.py --reference DIR [--out FILE]    (DIR: a clone of HaiyuWu/iccv2025-fr-competition)

Runs the reference's own PartialFC_V2 and ArcFace, unmodified, on the CPU: .cuda() is made the identity and gloo takes
NCCL's place at run time. Inputs come from integer formulas that tests/mpi/golden_head.cpp repeats.
Recorded with Python 3.11, torch 2.11.0, numpy as printed in the file's first line.
"""
import argparse
import os
import sys
import tempfile
import warnings

import numpy as np
import torch
from torch import distributed, multiprocessing

CLASSES, SIZE, ROWS = 7, 8, 12
LABELS = [0, 1, 2, 3, 4, 5, 6, 0, 2, 2, 1, 0]
MARGIN = 0.5


def formula(salt, count):
    """count numbers in [-1, 1): a 32-bit integer hash of (salt, position), exact in every language."""
    mask = np.uint64(0xFFFFFFFF)
    x = (np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B1) + np.uint64(salt) * np.uint64(0x85EBCA77)) & mask
    for shift, factor in ((15, 0x2C1B3C6D), (12, 0x297A2D39)):
        x = ((x ^ (x >> np.uint64(shift))) * np.uint64(factor)) & mask
    x ^= x >> np.uint64(15)
    return x.astype(np.float64) / 2147483648.0 - 1.0


def inputs():
    weight = formula(1, CLASSES * SIZE).reshape(CLASSES, SIZE) * 0.03
    weight[5] = -weight[4] + 0.05 * weight[6]
    embeddings = formula(2, ROWS * SIZE).reshape(ROWS, SIZE) * 2.0
    embeddings[1] = 2.0 * weight[1]                              # cosine 1
    embeddings[2] = -3.0 * weight[2]                             # cosine -1: theta + m beyond pi
    embeddings[4] = -40.0 * weight[4]                            # a loss at its bound, -log(1e-30)
    embeddings[8] = -5.0 * weight[2] + 0.5 * weight[0]           # theta within m of pi
    return embeddings, weight


def run(rank, world, reference, dtype, store, queue):
    sys.path.insert(0, reference)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    torch.set_default_dtype(dtype)
    torch.Tensor.cuda = lambda self, *_, **__: self
    distributed.init_process_group("gloo", init_method="file://" + store, rank=rank, world_size=world)
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
    queue.put((rank, loss.item(), own.grad.numpy().copy(), head.weight.grad.numpy().copy()))
    distributed.barrier()
    distributed.destroy_process_group()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "head.txt"))
    options = parser.parse_args()
    os.makedirs(os.path.dirname(options.out), exist_ok=True)
    context = multiprocessing.get_context("spawn")
    with open(options.out, "w") as out:
        out.write(f"# record_head.py, torch {torch.__version__}, numpy {np.__version__}\n")
        for dtype, name in ((torch.float64, "f64"), (torch.float32, "f32")):
            for world in (1, 2, 3):
                with tempfile.TemporaryDirectory() as folder:
                    queue = context.Queue()
                    processes = [context.Process(target=run, args=(rank, world, options.reference, dtype,
                                                                   os.path.join(folder, "store"), queue))
                                 for rank in range(world)]
                    for process in processes:
                        process.start()
                    results = sorted([queue.get() for _ in processes], key=lambda result: result[0])
                    for process in processes:
                        process.join()
                assert len({result[1] for result in results}) == 1
                for key, values in (("loss", np.array([results[0][1]])),
                                    ("embedding_gradient", np.concatenate([r[2] for r in results])),
                                    ("weight_gradient", np.concatenate([r[3] for r in results]))):
                    out.write(f"{name}.world{world}.{key} {values.size}\n")
                    out.write(" ".join(f"{value:.17g}" for value in values.ravel().astype(np.float64)) + "\n")


if __name__ == "__main__":
    main()
