"""Records the order in which the reference's own DistributedSampler hands out samples.

    python tests/golden/record_sampler.py --reference /path/to/iccv2025-fr-competition > tests/golden/data/sampler.txt

One line a case: n epoch world rank count fnv64 first-eight... (fnv64: FNV-1a over the indices as little-endian uint32).
With --fixed-size > tests/golden/data/sampler_fixed_size.txt: n fixed_size of epoch world rank count fnv64 first-eight...
`of` is the length that the data set tells the sampler: fixed_size, as the reference's LMDB class does (so that only the
first pictures are used), or n (so that others are drawn each epoch).
"""
import argparse
import sys

import torch


def fnv64(indices):
    value = 0xCBF29CE484222325
    for index in indices:
        for byte in int(index).to_bytes(4, "little"):
            value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--reference", required=True)
    parser.add_argument("--fixed-size", action="store_true")
    arguments = parser.parse_args()
    sys.path.insert(0, arguments.reference + "/data")
    from dist import DistributedSampler  # the module alone: the package's __init__ cannot be imported at HEAD

    print(f"# torch {torch.__version__}; reference data/dist.py DistributedSampler, seed 2048")
    if arguments.fixed_size:
        record_fixed_size(DistributedSampler)
        return
    for n in (1, 2, 7, 100, 511, 10000, 65537):
        for epoch in (0, 1, 25):
            for world in (1, 2, 3, 8):
                for rank in sorted({0, world // 2, world - 1}):
                    sampler = DistributedSampler(range(n), num_replicas=world, rank=rank, shuffle=True, seed=2048)
                    sampler.set_epoch(epoch)
                    order = list(sampler)
                    first = " ".join(str(i) for i in order[:8])
                    print(n, epoch, world, rank, len(order), f"{fnv64(order):016x}", first)


def record_fixed_size(DistributedSampler):
    for n, fixed_size in ((7, 1), (7, 5), (7, 7), (100, 64), (511, 510), (10000, 2048)):
        for of in (fixed_size, n):
            for epoch in (0, 1, 25):
                for world in (1, 2, 3, 8):
                    for rank in sorted({0, world - 1}):
                        sampler = DistributedSampler(range(of), num_replicas=world, rank=rank, shuffle=True, seed=2048,
                                                     fixed_size=fixed_size)
                        sampler.set_epoch(epoch)
                        order = list(sampler)
                        first = " ".join(str(i) for i in order[:8])
                        print(n, fixed_size, of, epoch, world, rank, len(order), f"{fnv64(order):016x}", first)


if __name__ == "__main__":
    main()
