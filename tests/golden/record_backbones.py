#!/usr/bin/env python3
"""Records the backbones: embeddings in evaluation and training, gradients, and BatchNorm statistics after one step; of the
deep IResNets embeddings and some gradients in evaluation; of every one the names, shapes and dtypes of its state_dict.

  record_backbones.py --reference DIR --mobilefacenet FILE [--out DIR] [--only NAME]
     DIR: a clone of HaiyuWu/iccv2025-fr-competition (recorded at 9448d96)
     FILE: recognition/arcface_torch/backbones/mobilefacenet.py of deepinsight/insightface (recorded at 7fadd42)

Runs the original classes, unmodified, on the CPU. Weights, statistics, slopes and pictures come from an integer formula
that tests/golden/trainer/backbone_golden.hpp repeats, so that nothing big is stored. 200 is the reference's IResNet class
with the published layers 6, 26, 60, 6: its builder gives "200" those of 100. Also writes python_small.pth: what Python's
torch.save makes of a few tensors of every kind.
"""
import argparse
import importlib.util
import itertools
import os
import warnings
from collections import OrderedDict

import numpy as np
import torch

from reference_run import DATA, formula, write_header, write_values

EMBEDDING = 512
# name, architecture, mode, batch
NETWORKS = [("iresnet18_normal", "18", "normal", 4), ("iresnet18_se", "18", "se", 4), ("iresnet50_normal", "50", "normal", 3),
            ("iresnet50_se", "50", "se", 3), ("mobilefacenet", None, None, 4)]
DEEP = ["34", "100", "152", "200"]  # mode se, one picture, float64
DEPTHS, TRUE_200 = ["18", "34", "50", "100", "152", "200"], [6, 26, 60, 6]


def fill(model, iresnet):
    """Every tensor of the state_dict by its index; weights keep the signal's size, statistics and slopes are random."""
    state = model.state_dict()
    for index, (name, tensor) in enumerate(state.items()):
        u = torch.from_numpy(formula(index, tensor.numel())).reshape(tensor.shape)
        if name.endswith("num_batches_tracked"):
            value = torch.full_like(tensor, 3)
        elif name.endswith("running_var"):
            value = 1 + 0.5 * u
        elif name.endswith("running_mean") or name.endswith(".bias"):
            value = 0.2 * u
        elif tensor.dim() > 1:
            value = u * np.sqrt(3.0 / (tensor.numel() // tensor.shape[0]))
        elif name[:-len("weight")] + "running_mean" in state:
            value = torch.ones_like(u) if iresnet and name == "features.weight" else 1 + 0.3 * u
        else:
            value = 0.25 + 0.2 * u  # PReLU
        tensor.copy_(value)


def digest(tensor):
    """Sum, sum of magnitudes, and two entries."""
    flat = tensor.detach().double().flatten()
    return [flat.sum().item(), flat.abs().sum().item(), flat[flat.numel() // 3].item(), flat[flat.numel() * 9 // 10].item()]


def put_changes(model, put):
    """What a step's forward and backward left: digests of gradients and of BatchNorm's statistics."""
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            put("grad:" + name, digest(parameter.grad))
    for name, buffer in model.named_buffers():
        if not name.endswith("num_batches_tracked"):
            put("stat:" + name, digest(buffer))


def record(model, iresnet, batch, dtype, out):
    def put(key, values):
        write_values(out, key, values, "%.17g" if dtype == torch.float64 else "%.9g")

    model = model.to(dtype)
    with torch.no_grad():
        fill(model, iresnet)
    images = torch.from_numpy(formula(100003, batch * 3 * 112 * 112)).reshape(batch, 3, 112, 112).to(dtype)
    direction = torch.from_numpy(formula(100019, batch * EMBEDDING)).reshape(batch, EMBEDDING).to(dtype)
    model.eval()
    with torch.no_grad():
        put("eval", model(images)[:, ::16].flatten().tolist())
    model.train()
    embeddings = model(images)
    (embeddings * direction).sum().backward()
    put("train", embeddings[:, ::16].flatten().tolist())
    put_changes(model, put)


def build_iresnet(source, depth, mode):
    if depth == "200":
        return source.IResNet(source.IBasicBlock, TRUE_200, dropout=0.0, mode=mode)
    return source.iresnet(depth, mode=mode, dropout=0.0, fp16=False)


def record_deep(model, out):
    """One picture in evaluation: the embedding, and the gradients of every 13th parameter and the last three."""
    model = model.double().eval()
    with torch.no_grad():
        fill(model, True)
    images = torch.from_numpy(formula(100003, 3 * 112 * 112)).reshape(1, 3, 112, 112)
    direction = torch.from_numpy(formula(100019, EMBEDDING)).reshape(1, EMBEDDING)
    embeddings = model(images)
    (embeddings * direction).sum().backward()
    entries = [("eval", embeddings.detach()[0, ::4].tolist())]
    trained = [(name, parameter.grad) for name, parameter in model.named_parameters() if parameter.grad is not None]
    entries += [("grad:" + name, digest(gradient)) for name, gradient in trained[:-3:13] + trained[-3:]]
    for key, values in entries:
        out.write(f"{key} {len(values)}\n" + " ".join("%.17g" % v for v in values) + "\n")


def fnv1a_64(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def record_state(name, model, out):
    """A line for each top-level module: network, module, number of tensors, digest of "name dtype shape" lines in order."""
    lines = [f"{key} {str(tensor.dtype).removeprefix('torch.')} {' '.join(map(str, tensor.shape))}\n"
             for key, tensor in model.state_dict().items()]
    for module, group in itertools.groupby(lines, key=lambda line: line.split(".")[0]):
        group = list(group)
        out.write(f"{name} {module} {len(group)} {fnv1a_64(''.join(group)):016x}\n")


def small_pth(path):
    base = torch.arange(24, dtype=torch.float32) / 8 - 1
    state = OrderedDict()
    state["plain"] = base.reshape(2, 3, 4)
    state["transposed"] = base.reshape(4, 6).t()       # shares the storage, strided
    state["tail"] = base[20:]                          # shares the storage, offset
    state["last"] = (torch.arange(24.) - 5).reshape(2, 3, 2, 2).contiguous(memory_format=torch.channels_last)
    state["parameter"] = torch.nn.Parameter(torch.tensor([1.5, -2.5]))
    state["double"] = torch.tensor([1 / 3, -1e300], dtype=torch.float64)
    state["half"] = torch.tensor([0.5, 65504.0], dtype=torch.float16)
    state["bfloat"] = torch.tensor([0.5, -3.0], dtype=torch.bfloat16)
    state["count"] = torch.tensor(1 << 40)
    state["int"] = torch.tensor([-7, 7], dtype=torch.int32)
    state["byte"] = torch.tensor([0, 255], dtype=torch.uint8)
    state["bool"] = torch.tensor([True, False])
    state["empty"] = torch.zeros(0, 3)
    state._metadata = OrderedDict([("", {"version": 1}), ("bn", {"version": 2})])
    torch.save(state, path)


def load_module(path):
    spec = importlib.util.spec_from_file_location("original_" + os.path.basename(path)[:-3], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_class(path, name):
    return getattr(load_module(path), name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--mobilefacenet", required=True)
    parser.add_argument("--out", default=DATA)
    parser.add_argument("--only", help="networks whose name has this in it; state_dicts is a name too")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    source = load_module(os.path.join(options.reference, "model", "iresnet.py"))
    iresnet = source.iresnet
    get_mbf = load_class(options.mobilefacenet, "get_mbf")
    small_pth(os.path.join(options.out, "python_small.pth"))
    for name, depth, mode, batch in NETWORKS:
        if options.only and options.only not in name:
            continue
        for dtype, suffix in ((torch.float64, "f64"), (torch.float32, "f32")):
            model = iresnet(depth, mode=mode, dropout=0.0, fp16=False) if depth else get_mbf(False, EMBEDDING)
            with open(os.path.join(options.out, f"{name}_{suffix}.txt"), "w") as out:
                write_header(out, "record_backbones.py")
                record(model, depth is not None, batch, dtype, out)
            print(name, suffix, flush=True)
    for depth in DEEP:
        name = f"iresnet{depth}_se_f64"
        if options.only and options.only not in name:
            continue
        with open(os.path.join(options.out, name + ".txt"), "w") as out:
            write_header(out, "record_backbones.py")
            record_deep(build_iresnet(source, depth, "se"), out)
        print(name, flush=True)
    if not options.only or options.only in "state_dicts":
        with open(os.path.join(options.out, "state_dicts.txt"), "w") as out:
            write_header(out, "record_backbones.py")
            for depth, mode in itertools.product(DEPTHS, ("normal", "se")):
                record_state(f"iresnet{depth}_{mode}", build_iresnet(source, depth, mode), out)
            record_state("mobilefacenet", get_mbf(False, EMBEDDING), out)
        print("state_dicts", flush=True)


if __name__ == "__main__":
    main()
