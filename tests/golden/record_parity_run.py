#!/usr/bin/env python3
"""Records whole runs of the reference on photographs: loss, gradient norm, learning rate and samples of every step.

  record_parity_run.py --reference DIR --orl DIR [--out FILE]
     DIR: a clone of HaiyuWu/iccv2025-fr-competition, and shared/data/orl

Runs the reference's own Train, loop included, on its own data loader, IResNet-18, PartialFC_V2, ArcFace and SGD with
weight decay, a learning rate / 10 in the second epoch: 20 steps in float64 at 1 rank x 16 and 2 ranks x 8, and the
first step of a short list in float32, channels last, which is how our networks compute (and what it moves by itself with
thread counts and memory layouts: at 2 ranks x 8 the norm by 1.2e-5, more than it is off our runs). Swapped at run time: what a CPU cannot do (reference_train.py); pictures are normalised in float32 and then widened; dropout is 0;
nothing is validated or saved. The reference always flips: the left half of each picture is mirrored onto the right one,
so that a flip changes nothing. Weights come from a formula, rounded to float32, that
tests/golden/trainer/parity_weights.cpp repeats; the pictures' digest is what tests/golden/dataservice/parity_pictures.cpp
must find. exact_norm is the norm of the same gradients summed in float64: torch's own float32 norm of 12.8 million
numbers on a CPU is 5e-4 too small. Recorded with torch 2.11.0 (CPU).
"""
import argparse
import glob
import os
import sys
import tempfile
import warnings

import numpy as np
import torch
from PIL import Image
from torch import multiprocessing

import reference_train
from reference_run import formula
from record_training import fill

IDENTITIES, BATCH, SIZE = 17, 16, 512
SETTINGS = dict(lr=0.02, momentum=0.9, weight_decay=5e-4, epochs=2, reduce_lr=[2])


def write_pictures(orl, folder):
    """IDENTITIES x 10 symmetric pictures; returns the FNV-1a digest of all pixels, in the list's order."""
    digest, names = 0xCBF29CE484222325, []
    for path in sorted(glob.glob(orl + "/train/s*/*.jpg"))[:IDENTITIES * 10]:
        pixels = np.array(Image.open(path).convert("RGB"))
        pixels[:, 56:] = pixels[:, 55::-1]
        for byte in pixels.tobytes():
            digest = ((digest ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
        names.append(os.path.join(folder, *path.split("/")[-2:])[:-4] + ".png")
        os.makedirs(os.path.dirname(names[-1]), exist_ok=True)
        Image.fromarray(pixels).save(names[-1])
    for name, chosen in (("long", names), ("short", names[:10 * BATCH:10])):  # short: one picture of 16 identities
        with open(os.path.join(folder, name + ".txt"), "w") as out:
            out.writelines(line + "\n" for line in chosen)
    return digest


def run(rank, world, options, queue):
    warnings.filterwarnings("ignore")
    os.chdir(options["folder"])
    torch.set_num_threads(options["threads"])
    dtype = torch.float64 if options["f64"] else torch.float32
    torch.set_default_dtype(dtype)
    train = reference_train.load(options["reference"], rank, world, options["store"])
    import data.data_loader_train_lmdb as loader
    import data.dist
    trace = dict(loss=[], grad_norm=[], exact_norm=[], lr=[], ids=[])

    read = loader.LMDB.__getitem__
    def read_in_float32(self, index):
        torch.set_default_dtype(torch.float32)  # in the loader's own process
        return read(self, index)
    loader.LMDB.__getitem__ = read_in_float32

    order = data.dist.DistributedSampler.__iter__
    def note_ids(self):
        ids = list(order(self))
        steps = len(ids) // options["batch"]
        trace["ids"] += ids[:steps * options["batch"]]
        return iter(ids)
    data.dist.DistributedSampler.__iter__ = note_ids

    iresnet, classifier = train.iresnet, train.PartialFC_V2
    layout = torch.channels_last if options["channels_last"] else torch.contiguous_format
    def given_network(depth, fp16, mode):
        model = iresnet(depth, fp16=fp16, mode=mode, dropout=0.0)
        with torch.no_grad():
            fill(model.state_dict())
            for parameter in model.parameters():
                parameter.copy_(parameter.float())
        model.register_forward_pre_hook(lambda _, inputs: (inputs[0].to(dtype).contiguous(memory_format=layout),))
        return model.to(memory_format=layout)
    def given_centres(*arguments):
        head = classifier(*arguments)
        classes = int(arguments[2])
        centres = torch.tensor(formula(1, classes * SIZE)).view(classes, SIZE) * 0.02
        with torch.no_grad():
            head.weight.copy_(centres.float()[head.class_start:head.class_start + head.num_local])
        return head
    train.iresnet, train.PartialFC_V2 = given_network, given_centres

    clip = torch.nn.utils.clip_grad_norm_
    def note_norm(parameters, bound):
        parameters = list(parameters)
        squares = [p.grad.double().square().sum() for p in parameters if p.grad is not None]
        trace["exact_norm"].append(sum(squares).sqrt().item())
        norm = clip(parameters, bound)
        trace["grad_norm"].append(norm.item())
        trace["lr"].append(job.optimizer.param_groups[0]["lr"])
        return norm
    torch.nn.utils.clip_grad_norm_ = note_norm

    from configs.base import config
    from losses import ArcFace
    config.update(dict(SETTINGS, epochs=options["epochs"], head="arcface", recognition_head=ArcFace(margin=0.5),
                       depth="18", mode="normal", batch_size=options["batch"], fp16=False, pin_memory=False, workers=1,
                       train_source=os.path.join(options["folder"], options["list"] + ".txt"), val_list=[],
                       work_path=options["folder"], model_path=options["folder"] + "/models",
                       log_path=options["folder"] + "/log"))
    os.makedirs(config.model_path, exist_ok=True)
    train.config = config
    train.setup_seed(seed=42, cuda_deterministic=False)
    sys.stdout = open(os.devnull, "w")
    job = train.Train(config)
    job.train_logger = lambda step, epoch, loss, local_rank: trace["loss"].append(loss.val)
    job.save_model = lambda *_: None
    job.run()
    queue.put((rank, trace))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def record(reference, pictures, world, **options):
    context = multiprocessing.get_context("spawn")
    options = dict(dict(threads=1, channels_last=False, f64=True, list="long", epochs=SETTINGS["epochs"]), **options)
    with tempfile.TemporaryDirectory() as scratch:
        options.update(reference=reference, folder=pictures, store=os.path.join(scratch, "store"), batch=BATCH // world)
        queue = context.Queue()
        processes = [context.Process(target=run, args=(rank, world, options, queue)) for rank in range(world)]
        for process in processes:
            process.start()
        results = sorted([queue.get(timeout=1200) for _ in processes], key=lambda result: result[0])
        for process in processes:
            process.join()
    traces = [result[1] for result in results]
    assert all(trace["loss"] == traces[0]["loss"] for trace in traces)
    return traces


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--orl", required=True)
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--out", default=os.path.join(here, "data", "parity_run.txt"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as pictures, open(options.out, "w") as out:
        def put(key, values):
            out.write(f"{key} {len(values)}\n" + " ".join(f"{value:.17g}" if isinstance(value, float) else str(value)
                                                         for value in values) + "\n")
            out.flush()
        digest = write_pictures(options.orl, pictures)
        out.write(f"# record_parity_run.py, torch {torch.__version__}\n")
        put("pictures", [digest & 0xFFFFFFFF, digest >> 32])

        def put_traces(name, traces):
            for key in ("loss", "grad_norm", "exact_norm", "lr"):
                put(f"{name}.{key}", traces[0][key])
            for rank, trace in enumerate(traces):
                put(f"{name}.ids.{rank}", trace["ids"])
        for world in (1, 2):
            layout = f"{world}x{BATCH // world}"
            for name, channels_last in ((f"f32_{layout}", True), (f"f32_contiguous_{layout}", False)):
                put_traces(name, record(options.reference, pictures, world, f64=False, list="short", epochs=1,
                                        threads=2 // world, channels_last=channels_last))
            put_traces(f"f64_short_{layout}",
                       record(options.reference, pictures, world, list="short", epochs=1))
        for threads in (1, 2):
            for channels_last in (False, True):
                trace = record(options.reference, pictures, 1, f64=False, list="short", epochs=1, threads=threads,
                               channels_last=channels_last)[0]
                put(f"f32_threads{threads}_{'last' if channels_last else 'contiguous'}",
                    [trace[key][0] for key in ("loss", "grad_norm", "exact_norm")])
        for world in (1, 2):
            put_traces(f"f64_{world}x{BATCH // world}", record(options.reference, pictures, world, threads=2 // world))


if __name__ == "__main__":
    main()
