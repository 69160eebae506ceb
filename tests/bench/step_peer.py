"""The peer of the trainer's rows: the reference's own network, head class and step, in PyTorch.

    python step_peer.py FOLDER --reference CLONE [--mobilefacenet FILE] --network r50 --classes N --threads N
                        [--device cuda] [--layout channels_last] [--compile] [--ddp] [--head-only]

FOLDER has W.pth, head.pth, images.f32 and labels.i64 of bench_step. A step is what the reference's train.py does between two batches:
forward, PartialFC_V2, backward (in fp16 autocast with GradScaler on a GPU), clip_grad_norm_, SGD, zero_grad, loss.item(). CLONE is
HaiyuWu/iccv2025-fr-competition; FILE is MobileFaceNet of deepinsight/insightface (recognition/arcface_torch/backbones/mobilefacenet.py).
On a CPU gloo takes NCCL's place and .cuda() returns its tensor. Only --ddp wraps the network in DistributedDataParallel, as train.py
does: on one rank it only costs. --head-only: the embeddings are embeddings.f32 (a row for each label), and only head and its SGD run,
without loss scaling.

Prints its versions, then "ready". Answers to lines: "loss": the loss of one step; "steps N": "CPU_US WALL_US" of N steps; an empty line
ends it.
"""
import argparse
import importlib
import importlib.util
import os
import sys
import tempfile
import time
import types
import warnings

import numpy
import torch
from torch import distributed
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import fp16_compress_hook

warnings.filterwarnings("ignore")
parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--reference", required=True)
parser.add_argument("--mobilefacenet")
parser.add_argument("--network", required=True)
parser.add_argument("--classes", type=int, required=True)
parser.add_argument("--threads", type=int, required=True)
parser.add_argument("--lr", type=float, default=0.01)
parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
parser.add_argument("--layout", choices=["contiguous", "channels_last"], default="contiguous")
parser.add_argument("--compile", action="store_true")
parser.add_argument("--ddp", action="store_true")
parser.add_argument("--head-only", action="store_true")
options = parser.parse_args()
gpu = options.device == "cuda"
torch.set_num_threads(options.threads)
if not gpu:
    torch.Tensor.cuda = lambda self, *_, **__: self


def load(name, path=None):
    """A module of the clone without its package's __init__ (which imports what is not needed here)."""
    package, _, _ = name.partition(".")
    if package not in sys.modules:
        sys.modules[package] = types.ModuleType(package)
        sys.modules[package].__path__ = [os.path.join(options.reference, package)]
    spec = importlib.util.spec_from_file_location(name, path or os.path.join(options.reference, *name.split(".")) + ".py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


distributed.init_process_group("nccl" if gpu else "gloo", init_method="file://" + tempfile.mktemp(), rank=0, world_size=1)
arcface = load("losses").ArcFace(margin=0.5)
head = load("model.partial_fc").PartialFC_V2(arcface, 512, options.classes, 1.0, gpu)
head.load_state_dict(torch.load(options.folder + "/head.pth", weights_only=True), strict=False)
head.to(options.device).train()
labels = torch.from_numpy(numpy.fromfile(options.folder + "/labels.i64", numpy.int64)).to(options.device)
rows = labels.numel()

if options.head_only:
    embeddings = torch.from_numpy(numpy.fromfile(options.folder + "/embeddings.f32", numpy.float32).reshape(rows, 512))
    embeddings = embeddings.to(options.device).requires_grad_()
    model, groups = None, [{"params": head.parameters(), "weight_decay": 5e-4}]
else:
    if options.network == "mbf":
        # A module name with "model" in it: the reference's separate_bn_param goes by that.
        model = load("model.mobilefacenet", options.mobilefacenet).get_mbf(gpu, 512)
    else:
        se = options.network.endswith("se")
        model = load("model.iresnet").iresnet(options.network[1:-2] if se else options.network[1:], dropout=0.0, fp16=gpu,
                                              mode="se" if se else "normal")
    model.load_state_dict(torch.load(options.folder + "/W.pth", weights_only=True))
    layout = torch.channels_last if options.layout == "channels_last" else torch.contiguous_format
    model = model.to(options.device, memory_format=layout).train()
    images = torch.from_numpy(numpy.fromfile(options.folder + "/images.f32", numpy.float32).reshape(rows, 3, 112, 112))
    images = images.to(options.device).contiguous(memory_format=layout)
    only_bn, without_bn = load("utils.utils").separate_bn_param(model)
    groups = [{"params": without_bn, "weight_decay": 5e-4}, {"params": head.parameters(), "weight_decay": 5e-4}, {"params": only_bn}]
    if options.compile:
        model = torch.compile(model)
    if options.ddp:
        model = torch.nn.parallel.DistributedDataParallel(model, broadcast_buffers=False, bucket_cap_mb=16)
        if gpu:
            model.register_comm_hook(None, fp16_compress_hook)
        model._set_static_graph()

optimizer = torch.optim.SGD(groups, lr=options.lr, momentum=0.9)
amp = torch.amp.GradScaler("cuda", growth_interval=100, enabled=gpu and not options.head_only)


def step():
    loss = head(model(images) if model is not None else embeddings, labels.clone())
    amp.scale(loss).backward()
    amp.unscale_(optimizer)
    if model is not None:
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5)
    amp.step(optimizer)
    amp.update()
    optimizer.zero_grad()
    if model is None:
        embeddings.grad = None
    return loss.item()


def finished():
    if gpu:
        torch.cuda.synchronize()
    return time.process_time_ns(), time.monotonic_ns()


print(f"Python {sys.version.split()[0]}, torch {torch.__version__}, {torch.get_num_threads()} threads, {options.layout}"
      f"{', torch.compile' if options.compile else ''}", flush=True)
print("ready", flush=True)
for line in sys.stdin:
    words = line.split()
    if not words:
        break
    if words[0] == "loss":
        print(repr(step()), flush=True)
    else:
        cpu, wall = finished()
        for _ in range(int(words[1])):
            step()
        cpu_end, wall_end = finished()
        print(f"{(cpu_end - cpu) / 1e3} {(wall_end - wall) / 1e3}", flush=True)
distributed.destroy_process_group()
