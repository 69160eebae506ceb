#!/usr/bin/env python3
"""Records the Vision Transformer: names, shapes and first values of s, b and l; embeddings in evaluation and training,
gradients and BatchNorm statistics of s, b and l, and of two small ones in every detail.

  record_vit.py --reference DIR [--out DIR] [--only NAME]
     DIR: a clone of HaiyuWu/SOTA-Face-Recognition-Train-and-Test (recorded at b8c42fe)

Runs the original class, unmodified, on the CPU, where its autocast is off. At run time: torch.rand (masking) and
Tensor.bernoulli_ (timm's DropPath) take the words of our keyed streams, so that both sides mask and drop alike; in
float64 Tensor.float() keeps float64. Weights and pictures come from a formula that tests/golden/trainer/vit_golden.hpp
repeats.
"""
import argparse
import contextlib
import importlib.util
import os
import sys
import warnings
from unittest import mock

import numpy as np
import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from pixel_patterns import RandomStream
from record_backbones import EMBEDDING, formula, put_changes
from reference_run import write_values

SEED, STEP, RANK, WORLD = 42, 5, 1, 2  # of the draws
DROP_PATH, PATCH_MASK = 8, 9  # common/plan/philox.hpp's Purpose


def words(purpose, rows, columns):
    """(rows, columns): what each row's stream begins with."""
    result = torch.empty(rows, columns, dtype=torch.int64)
    for row in range(rows):
        stream = RandomStream(SEED, purpose, STEP, row * WORLD + RANK)
        result[row] = torch.tensor([stream.next_u32() for _ in range(columns)])
    return result


def fill(model):
    """Every tensor of the state_dict by its index. fc1 is large, so that ReLU6's bound at 6 is met."""
    for index, (name, tensor) in enumerate(model.state_dict().items()):
        u = torch.from_numpy(formula(index, tensor.numel())).reshape(tensor.shape)
        if name.endswith("num_batches_tracked"):
            u.fill_(3)
        elif name.endswith("running_var"):
            u.mul_(0.5).add_(1)
        elif name.endswith("running_mean") or name.endswith(".bias"):
            u.mul_(0.2)
        elif name == "pos_embed":
            u.mul_(0.5)
        elif tensor.dim() > 1 and name != "mask_token":
            u.mul_(np.sqrt(3.0 / (tensor.numel() // tensor.shape[0])) * (4 if ".fc1." in name else 1))
        elif tensor.dim() == 1:
            u.mul_(0.3).add_(1)
        tensor.copy_(u)


@contextlib.contextmanager
def drawing_from_streams(model):
    """Hooks keep count of which block's drop path is running (checkpointing runs each block twice)."""
    place = {}
    handles = []

    def enter(index):
        place.update(block=index, calls=0)

    def drop(module):
        place.update(calls=place["calls"] + 1, p=module.drop_prob)

    for index, block in enumerate(model.blocks):
        handles.append(block.register_forward_pre_hook(lambda module, _, index=index: enter(index)))
        if isinstance(block.drop_path, torch.nn.Identity):
            assert index == 0
        else:
            handles.append(block.drop_path.register_forward_pre_hook(lambda module, _: drop(module)))

    def bernoulli_(tensor, keep):
        column = 2 * place["block"] + place["calls"] - 1
        kept = words(DROP_PATH, tensor.shape[0], column + 1)[:, column] >= round(place["p"] * 2**32)
        assert abs(1 - keep - place["p"]) < 1e-12
        place["dropped"] = place.get("dropped", 0) + int((~kept).sum())
        return tensor.copy_(kept.reshape(tensor.shape))

    def rand(rows, columns, device=None):
        noise = words(PATCH_MASK, rows, columns)
        assert all(len(set(row.tolist())) == columns for row in noise)
        return noise.double() / 2**32

    with mock.patch.object(torch.Tensor, "bernoulli_", bernoulli_), mock.patch("torch.rand", rand):
        yield place
    for handle in handles:
        handle.remove()


def record(model, batch, out):
    def put(key, values):
        write_values(out, key, values)

    model = model.double()
    with torch.no_grad():
        fill(model)
    images = torch.from_numpy(formula(100003, batch * 3 * 112 * 112)).reshape(batch, 3, 112, 112)
    direction = torch.from_numpy(formula(100019, batch * EMBEDDING)).reshape(batch, EMBEDDING)
    largest = []
    probe = model.blocks[0].mlp.fc1.register_forward_hook(lambda module, inputs, output: largest.append(output.max().item()))
    model.eval()
    with torch.no_grad():
        put("eval", model(images)[:, ::16].flatten().tolist())
    probe.remove()
    assert largest[0] > 6
    model.train()
    with drawing_from_streams(model) as place:
        embeddings = model(images)
        dropped = place.get("dropped", 0)
        (embeddings * direction).sum().backward()
    print("  rows dropped:", dropped)
    put("train", embeddings[:, ::16].flatten().tolist())
    put_changes(model, put)


def record_state(vit, out):
    """A line per tensor: name, shape, then mean and standard deviation of the values that the reference starts from, but
    for those at -2: about one in 2^24 is drawn as erfinv(-1) = -inf and clamped to the bound of timm's trunc_normal_."""
    torch.manual_seed(0)
    outliers = 0
    for depth in ("s", "b", "l"):
        for name, tensor in vit.get_vit(depth).state_dict().items():
            t = tensor.double().flatten()
            outliers += int((t == -2).sum())
            t = t[t != -2]
            deviation = t.std(unbiased=False).item() if t.numel() > 1 else 0.0
            out.write(f"{depth} {name} {'x'.join(map(str, tensor.shape)) or '-'} {t.mean().item():.4g} {deviation:.4g}\n")
    print("  values at -2:", outliers)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "data"))
    parser.add_argument("--only")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    spec = importlib.util.spec_from_file_location("original_vit", os.path.join(options.reference, "model", "vit.py"))
    vit = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(vit)
    small = dict(img_size=112, patch_size=9, num_classes=EMBEDDING, embed_dim=64, depth=3, num_heads=4, drop_path_rate=0.5)
    networks = [("vit_small_f64", lambda: vit.VisionTransformer(**small, mask_ratio=0.0), 4),
                ("vit_small_masked_f64", lambda: vit.VisionTransformer(**small, mask_ratio=0.05, using_checkpoint=True), 4),
                ("vit_s_f64", lambda: vit.get_vit("s"), 2),
                ("vit_b_f64", lambda: vit.get_vit("b"), 2),
                ("vit_l_f64", lambda: vit.get_vit("l"), 2)]
    header = f"# record_vit.py, torch {torch.__version__}, numpy {np.__version__}\n"
    to_float = torch.Tensor.float
    for name, make, batch in networks:
        if options.only and options.only != name:
            continue
        print(name, flush=True)
        with open(os.path.join(options.out, name + ".txt"), "w") as out, mock.patch.object(
                torch.Tensor, "float", lambda t: t if t.dtype == torch.float64 else to_float(t)):
            out.write(header)
            record(make(), batch, out)
    if not options.only or options.only == "state":
        with open(os.path.join(options.out, "vit_state.txt"), "w") as out:
            out.write(header + "# network, tensor, shape, mean and standard deviation of the reference's first values\n")
            record_state(vit, out)


if __name__ == "__main__":
    main()
