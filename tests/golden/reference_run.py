"""What the recorders share: the input formula, the reference's classes on the CPU at several ranks, and the value files.

The reference's code stays as it is; at run time .cuda() is made the identity and gloo takes NCCL's place.
"""
import os
import sys
import tempfile
import warnings

import numpy as np
import torch
from torch import distributed, multiprocessing

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")


def formula(salt, count):
    """count numbers in [-1, 1): a 32-bit integer hash of (salt, position), exact in every language."""
    mask = np.uint64(0xFFFFFFFF)
    x = (np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B1) + np.uint64(salt) * np.uint64(0x85EBCA77)) & mask
    for shift, factor in ((15, 0x2C1B3C6D), (12, 0x297A2D39)):
        x = ((x ^ (x >> np.uint64(shift))) * np.uint64(factor)) & mask
    x ^= x >> np.uint64(15)
    return x.astype(np.float64) / 2147483648.0 - 1.0


def _rank(work, rank, world, reference, dtype, store, queue, arguments):
    sys.path.insert(0, reference)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    torch.set_default_dtype(dtype)
    torch.Tensor.cuda = lambda self, *_, **__: self
    distributed.init_process_group("gloo", init_method="file://" + store, rank=rank, world_size=world)
    queue.put((rank, work(rank, world, *arguments)))
    distributed.barrier()
    distributed.destroy_process_group()


def run_ranks(work, world, reference, dtype, *arguments):
    """work(rank, world, *arguments) in `world` processes that can import the clone `reference`; their results, by rank."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        queue = context.Queue()
        processes = [context.Process(target=_rank, args=(work, rank, world, reference, dtype,
                                                         os.path.join(folder, "store"), queue, arguments))
                     for rank in range(world)]
        for process in processes:
            process.start()
        results = sorted([queue.get() for _ in processes], key=lambda result: result[0])
        for process in processes:
            process.join()
    return [result for _, result in results]


def write_header(out, script):
    out.write(f"# {script}, torch {torch.__version__}, numpy {np.__version__}\n")


def write_values(out, key, values, form="%.17g"):
    values = np.asarray(values, dtype=np.float64).ravel()
    out.write(f"{key} {values.size}\n" + " ".join(form % value for value in values) + "\n")
