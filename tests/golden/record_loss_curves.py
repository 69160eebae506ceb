#!/usr/bin/env python3
"""Records how the reference's training loss falls with its default augmentation, flip, erasing and dropout, for several seeds.

  record_loss_curves.py --reference DIR --orl DIR [--out FILE] [--seeds 6 7]
                        (DIR: a clone of HaiyuWu/iccv2025-fr-competition; shared/data/orl)

Runs the reference's own Train loop, unmodified, in one process on the CPU: gloo takes NCCL's place, moving to a GPU is made the
identity, validation and saving are left out, float32, one thread. The file has one line a seed: the loss of every step; --seeds
records these anew and leaves the file's other lines. A seed does not fix the numbers: the reference's loader thread and its dropout
draw from one generator, in whatever order the threads come to it.
Recorded with Python 3.11, torch 2.11.0, torchvision 0.26.0, the versions printed in the file's first line.
"""
import argparse
import glob
import os
import sys
import tempfile
import types
import warnings

import numpy as np
import torch

EPOCHS, BATCH, LR = 2, 8, 0.02


def to_cpu():
    """Makes what the reference says to a GPU harmless: devices are dropped, streams and pinned memory do nothing."""
    def without_device(method):
        return lambda self, *args, **named: method(
            self, *[a for a in args if not isinstance(a, int)], **{k: v for k, v in named.items() if not isinstance(v, int) or k != "device"})

    torch.Tensor.cuda = lambda self, *_, **__: self
    torch.Tensor.to = without_device(torch.Tensor.to)
    torch.nn.Module.to = without_device(torch.nn.Module.to)
    stream = types.SimpleNamespace(wait_stream=lambda other: None, __enter__=None)
    torch.cuda.set_device = lambda device: None
    torch.cuda.Stream = lambda device=None: stream
    torch.cuda.current_stream = lambda: stream
    torch.cuda.stream = lambda s: warnings.catch_warnings()
    start = torch.distributed.init_process_group
    torch.distributed.init_process_group = lambda backend=None, **named: start("gloo", **named)
    ddp = torch.nn.parallel.DistributedDataParallel
    torch.nn.parallel.DistributedDataParallel = lambda module, device_ids=None, **named: ddp(module, **named)
    import torch.utils.tensorboard as tensorboard
    tensorboard.SummaryWriter = lambda folder: types.SimpleNamespace(add_graph=lambda *_: None, add_scalar=lambda *_: None)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--reference", required=True)
    parser.add_argument("--orl", required=True)
    parser.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "loss_curves.txt"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    out = os.path.abspath(arguments.out)
    work = tempfile.mkdtemp()
    pictures = sorted(glob.glob(os.path.abspath(arguments.orl) + "/train/*/*.jpg"))
    listed = os.path.join(work, "train.txt")
    with open(listed, "w") as file:
        file.write("".join(p + "\n" for p in pictures))
    os.chdir(work)
    to_cpu()
    sys.path.insert(0, os.path.abspath(arguments.reference))
    import data
    data.WebDataLoader = None  # train.py imports it, and data/ no longer has it
    sys.argv = sys.argv[:1]
    import train
    from configs.base import config
    from losses import ArcFace

    train.Train.save_model = lambda self, step: None
    lines = {}
    if os.path.exists(out):
        lines = {line.split()[0]: line.rstrip() for line in open(out) if line.startswith("seed")}
    for seed in arguments.seeds:
        config.update(train_source=listed, epochs=EPOCHS, batch_size=BATCH, lr=LR, momentum=0.9, weight_decay=5e-4, reduce_lr=[],
                      model="iresnet", depth="18", mode="se", fp16=False, augment=True, rand_erase=True, workers=0,
                      pin_memory=False, val_list=[], scheduler=False, optimizer="sgd", sample_rate=1.0, fixed_size=None, mask=None,
                      label_map=None, frequency_log=10 ** 9, recognition_head=ArcFace(margin=0.5), work_path=work,
                      model_path=work, log_path=work)
        data.setup_seed(seed=seed, cuda_deterministic=False)
        job = train.Train(config)
        losses = []
        job.train_logger = lambda step, epoch, loss, rank: losses.append(loss.val)
        job.run()
        print(seed, np.round(np.reshape(losses[:60], (-1, 10)).mean(1), 3), flush=True)
        lines[f"seed{seed}"] = f"seed{seed} " + " ".join(f"{value:.6f}" for value in losses)
    import torchvision
    with open(out, "w") as file:
        file.write(f"# torch {torch.__version__} torchvision {torchvision.__version__} numpy {np.__version__}\n" +
                   "\n".join(lines.values()) + "\n")


if __name__ == "__main__":
    main()
