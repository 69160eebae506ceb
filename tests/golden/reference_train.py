"""The reference's train.py on a machine without CUDA: what the recorders of its own training loop share.

Nothing of it is changed but what a CPU cannot do, at run time: gloo takes NCCL's place, devices become the CPU, the
float16 compression of gradients is left out (ours does not compress on a CPU either), WebDataLoader, which train.py
imports and data/ no longer has, is a name for nothing, and torch's scheduler base takes the third argument that it had.
"""
import contextlib
import os
import sys
import warnings

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel
from torch.optim import lr_scheduler


class NoStream:
    def wait_stream(self, _):
        pass


def on_cpu(to):
    def moved(self, *args, **kwargs):
        args = tuple("cpu" if isinstance(a, int) and not isinstance(a, bool) else a for a in args)
        if isinstance(kwargs.get("device"), int):
            kwargs["device"] = "cpu"
        return to(self, *args, **kwargs)
    return moved


def without_gpus(init):
    def wrapped(self, *args, device_ids=None, **kwargs):
        init(self, *args, **kwargs)
    return wrapped


def load(reference, rank, world, store):
    """The clone's module `train`, for `rank` of `world` processes that meet at the file `store`."""
    sys.path.insert(0, reference)
    warnings.filterwarnings("ignore")
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(world))
    start = distributed.init_process_group
    distributed.init_process_group = lambda *_, **__: start("gloo", init_method="file://" + store, rank=rank,
                                                            world_size=world)
    torch.Tensor.cuda = lambda self, *_, **__: self
    torch.Tensor.to = on_cpu(torch.Tensor.to)
    torch.nn.Module.to = on_cpu(torch.nn.Module.to)
    torch.cuda.set_device = lambda *_: None
    torch.cuda.Stream = lambda *_: NoStream()
    torch.cuda.current_stream = lambda *_: NoStream()
    torch.cuda.stream = lambda *_: contextlib.nullcontext()
    DistributedDataParallel.__init__ = without_gpus(DistributedDataParallel.__init__)
    DistributedDataParallel.register_comm_hook = lambda *_: None
    lr_scheduler._LRScheduler.__init__ = lambda self, optimizer, last_epoch=-1, verbose=False: (
        lr_scheduler.LRScheduler.__init__(self, optimizer, last_epoch))
    import data
    import data.dist
    data.WebDataLoader = None
    data.dist.sync_random_seed.__defaults__ = (None, "cpu")
    import train
    return train
