#!/usr/bin/env python3
"""Records training with partial FC (sample_rate < 1) by the reference in float64 at 1, 2 and 3 ranks: the classes sampled
and the loss of every step, the last embedding gradient, all centres before the learning rate falls and at the end.

  record_partial_fc.py --reference DIR [--out FILE]    (DIR: a clone of HaiyuWu/iccv2025-fr-competition or its parent)

Runs the reference's own PartialFC_V2 and ArcFace, unmodified, with torch's SGD (momentum, weight decay) on the CPU (see
reference_run.py); torch.rand, from which PartialFC_V2 draws, returns 1 minus facetrain's keys
(Philox by seed, step and class id): the reference takes the largest, we the smallest. Inputs come from formulas that
tests/mpi/golden_partial_fc.cpp repeats. Recorded with torch 2.11.0 (CPU).
"""
import argparse
import os

import numpy as np
import torch

from reference_run import DATA, formula, run_ranks, write_header, write_values

CLASSES, SIZE, ROWS, STEPS, DROP = 23, 8, 12, 12, 6
RATE, SEED, MARGIN, LR, MOMENTUM, DECAY = 0.4, 42, 0.5, 0.01, 0.9, 0.05
SAMPLE = 6  # common/plan/philox.hpp: Purpose::kSample


def philox(counter, key):
    """One block of Philox4x32-10 (Salmon et al. 2011)."""
    mask = 0xFFFFFFFF
    for _ in range(10):
        a, b = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [b >> 32 ^ counter[1] ^ key[0], b & mask, a >> 32 ^ counter[3] ^ key[1], a & mask]
        key = [(key[0] + 0x9E3779B9) & mask, (key[1] + 0xBB67AE85) & mask]
    return counter


def class_key(step, class_id):
    """RandomStream(SEED, kSample, step, class_id).uniform()"""
    words = philox([0, step, class_id, 0], [SEED, SAMPLE << 24])
    return ((words[0] >> 5) * 67108864 + (words[1] >> 6)) / 9007199254740992.0


def labels_of(step):
    """Steps 3 and 9: as many classes as there are rows, more than a rank may sample."""
    rows = torch.arange(ROWS)
    return (rows * 2 + step) % CLASSES if step in (3, 9) else (rows * 7 % 3 * 8 + step // 3) % CLASSES


def run(rank, world):
    from losses import ArcFace
    from model.partial_fc import PartialFC_V2
    head = PartialFC_V2(ArcFace(margin=MARGIN), SIZE, CLASSES, RATE)
    first, count, batch = head.class_start, head.num_local, ROWS // world
    centres = torch.tensor(formula(1, CLASSES * SIZE)).view(CLASSES, SIZE) * 0.3
    with torch.no_grad():
        head.weight.copy_(centres[first:first + count])
    optimizer = torch.optim.SGD([{"params": head.parameters(), "weight_decay": DECAY}], lr=LR, momentum=MOMENTUM)
    losses, sampled = [], []
    for step in range(STEPS):
        if step == DROP:
            middle = head.weight.detach().numpy().copy()
            optimizer.param_groups[0]["lr"] /= 10
        torch.rand = lambda size, step=step: torch.tensor([1 - class_key(step, first + i) for i in range(size[0])])
        embeddings = torch.tensor(formula(100 + step, ROWS * SIZE)).view(ROWS, SIZE) * 2
        own = embeddings[rank * batch:(rank + 1) * batch].clone().requires_grad_(True)
        loss = head(own, labels_of(step)[rank * batch:(rank + 1) * batch].clone())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        sampled.append((head.weight_index + first).tolist())
    return losses, sampled, own.grad.numpy().copy(), middle, head.weight.detach().numpy().copy()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--out", default=os.path.join(DATA, "partial_fc.txt"))
    options = parser.parse_args()
    with open(options.out, "w") as out:
        write_header(out, "record_partial_fc.py")
        for world in (1, 2, 3):
            losses, sampled, gradients, middles, centres = zip(*run_ranks(run, world, options.reference, torch.float64))
            for step in range(STEPS):
                write_values(out, f"world{world}.sampled{step}", sum((rank[step] for rank in sampled), []))
            write_values(out, f"world{world}.loss", losses[0])
            for key, parts in (("embedding_gradient", gradients), ("centres_before_drop", middles), ("centres", centres)):
                write_values(out, f"world{world}.{key}", np.concatenate(parts))


if __name__ == "__main__":
    main()
