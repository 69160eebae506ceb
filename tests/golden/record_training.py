#!/usr/bin/env python3
"""Records ten training steps of the reference in float64 at 1, 2 and 3 ranks: loss and gradient norm of each, then sum and
norm of every parameter and buffer.

  record_training.py --reference DIR [--out FILE]    (DIR: a clone of HaiyuWu/iccv2025-fr-competition)

Runs the reference's own IResNet-18 (se), PartialFC_V2, ArcFace and separate_bn_param, unmodified, with torch's
DistributedDataParallel (gloo) and SGD put together as its train.py does: clip 5 on the backbone, learning rate / 10
after half of the steps; without dropout and float16 gradients. Weights, pictures and labels come from formulas that
tests/mpi/golden_training.cpp repeats. Recorded with torch 2.11.0 (CPU).
"""
import argparse
import os

import numpy as np
import torch

from reference_run import DATA, formula, run_ranks, write_header, write_values

STEPS, BATCH, CLASSES, SIZE = 10, 3, 10, 32
LR, MOMENTUM, DECAY, MARGIN = 0.1, 0.9, 5e-4, 0.5


def fill(state):
    """Values for a backbone's state_dict, by position and name; running statistics and features.weight stay."""
    for index, (name, tensor) in enumerate(state.items()):
        values = torch.tensor(formula(100 + index, tensor.numel())).view(tensor.shape)
        if tensor.dim() > 1:
            tensor.copy_(values * (6.0 / tensor[0].numel()) ** 0.5)
        elif name.endswith("bias"):
            tensor.copy_(values * 0.1)
        elif "prelu" in name:
            tensor.copy_(values * 0.1 + 0.25)
        elif name.endswith("weight") and name != "features.weight":
            tensor.copy_(values * 0.2 + 1.0)


def run(rank, world):
    from losses import ArcFace
    from model import PartialFC_V2, iresnet
    from utils.utils import separate_bn_param

    backbone = iresnet("18", mode="se", dropout=0.0, num_features=SIZE)
    with torch.no_grad():
        fill(backbone.state_dict())
    only_bn, without_bn = separate_bn_param(backbone)
    model = torch.nn.parallel.DistributedDataParallel(backbone, broadcast_buffers=False, bucket_cap_mb=16)
    head = PartialFC_V2(ArcFace(margin=MARGIN), SIZE, CLASSES)
    centres = torch.tensor(formula(1, CLASSES * SIZE)).view(CLASSES, SIZE) * 0.02
    with torch.no_grad():
        head.weight.copy_(centres[head.class_start:head.class_start + head.num_local])
    optimizer = torch.optim.SGD(
        [{"params": without_bn, "weight_decay": DECAY}, {"params": head.parameters(), "weight_decay": DECAY},
         {"params": only_bn}], lr=LR, momentum=MOMENTUM)

    model.train()
    losses, norms = [], []
    for step in range(STEPS):
        if step == STEPS // 2:
            for group in optimizer.param_groups:
                group["lr"] /= 10
        pictures = torch.tensor(formula(1000 + step, world * BATCH * 3 * 112 * 112)).view(-1, 3, 112, 112)
        labels = (torch.arange(world * BATCH) * 7 + step * 3) % CLASSES
        own = slice(rank * BATCH, (rank + 1) * BATCH)
        loss = head(model(pictures[own]), labels[own])
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 5).item())
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    state = [(tensor.double().sum().item(), tensor.double().norm().item())
             for tensor in backbone.state_dict().values()]
    return losses, norms, state, head.weight.detach().numpy().copy()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--out", default=os.path.join(DATA, "training.txt"))
    options = parser.parse_args()
    with open(options.out, "w") as out:
        write_header(out, "record_training.py")
        for world in (1, 2, 3):
            results = run_ranks(run, world, options.reference, torch.float64)
            state = np.array(results[0][2])
            weight = np.concatenate([result[3] for result in results])
            for key, values in (("loss", results[0][0]), ("grad_norm", results[0][1]), ("state_sum", state[:, 0]),
                                ("state_norm", state[:, 1]), ("head_weight", weight)):
                write_values(out, f"world{world}.{key}", values)


if __name__ == "__main__":
    main()
