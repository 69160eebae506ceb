#!/usr/bin/env python3
"""Records the optimisers over ten steps and both learning rate schedules.

  record_optim.py --reference DIR [--out FILE]    (DIR: a clone of HaiyuWu/iccv2025-fr-competition)

Optimisers: torch's own SGD and AdamW on a small network, with the reference's separate_bn_param and the groups of its
train.py (SGD: no decay on BatchNorm; AdamW: one decay for all); parameters and gradients from formulas that
tests/golden/trainer/optim.cpp repeats. Which parameters of IResNet-18 it takes for BatchNorm's is recorded too.
Schedules: the learning rate of every update of the reference's own Train.run(), with a model of one number in place of
the network. Recorded with torch 2.11.0 (CPU).
"""
import argparse
import os
import tempfile
from types import SimpleNamespace

import torch

import reference_train
from reference_run import formula

DECAY, STEPS = 0.05, 10


def small_network():
    net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.PReLU(3), torch.nn.Flatten(),
                              torch.nn.Linear(12, 5), torch.nn.BatchNorm1d(5))
    net[5].weight.requires_grad = False  # as the reference's last one
    return net


def optimise(name, dtype, separate_bn_param):
    net, head = small_network().to(dtype), torch.nn.Linear(5, 7, bias=False).to(dtype)
    only_bn, without_bn = separate_bn_param(net)
    if name == "adamw":
        optimizer = torch.optim.AdamW([{"params": net.parameters()}, {"params": head.parameters()}], lr=0.01,
                                      weight_decay=DECAY)
    else:
        optimizer = torch.optim.SGD([{"params": without_bn, "weight_decay": DECAY},
                                     {"params": head.parameters(), "weight_decay": DECAY}, {"params": only_bn}],
                                    lr=0.1, momentum=0.9 if name == "sgd" else 0.0)
    trained = [p for p in [*net.parameters(), *head.parameters()] if p.requires_grad]
    with torch.no_grad():
        for i, p in enumerate(trained):
            p.copy_(torch.tensor(formula(10 + i, p.numel())).view(p.shape))
    for step in range(STEPS):
        if step == STEPS // 2:
            for group in optimizer.param_groups:
                group["lr"] /= 10
        for i, p in enumerate(trained):
            p.grad = torch.tensor(formula(1000 + 100 * step + i, p.numel())).view(p.shape).to(dtype)
        optimizer.step()
    return torch.cat([p.detach().double().flatten() for p in trained]).tolist()


def schedule(train, steps, **settings):
    config = SimpleNamespace(fp16=False, lr=0.1, **settings)
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr)
    rates = []

    def head(embeddings, _):
        rates.append(optimizer.param_groups[0]["lr"])
        return embeddings.sum()

    run = train.Train.__new__(train.Train)
    run.config, run.model, run.head, run.optimizer = config, model, torch.nn.Module(), optimizer
    run.head.forward = head
    run.train_loader = [(torch.ones(1, 1), torch.zeros(1))] * steps
    run.train_logger = run.save_model = lambda *_: None
    if config.scheduler:
        run.lr_scheduler = train.PolyScheduler(optimizer=optimizer, base_lr=config.lr, max_steps=steps * config.epochs,
                                               warmup_steps=steps * config.warmup_epoch, last_epoch=-1)
    run.run()
    return rates


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", required=True)
    folder = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--out", default=os.path.join(folder, "data", "optim.txt"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        train = reference_train.load(options.reference, 0, 1, os.path.join(scratch, "store"))
    values = {}
    for dtype, suffix in ((torch.float64, "f64"), (torch.float32, "f32")):
        for name in ("sgd", "sgd_momentum0", "adamw"):
            values[f"{name}.{suffix}"] = optimise(name, dtype, train.separate_bn_param)
    network = train.iresnet("18", mode="se")
    only_bn = {id(p) for p in train.separate_bn_param(network)[0]}
    values["iresnet18_se.decayed"] = [int(id(p) not in only_bn) for p in network.parameters() if p.requires_grad]
    values["reduce_lr"] = schedule(train, 3, scheduler=False, epochs=6, reduce_lr=[2, 4, 5])
    values["poly"] = schedule(train, 4, scheduler=True, epochs=5, warmup_epoch=0)
    values["poly_warmup"] = schedule(train, 4, scheduler=True, epochs=7, warmup_epoch=2)
    with open(options.out, "w") as out:
        out.write(f"# record_optim.py, torch {torch.__version__}\n")
        for key, numbers in values.items():
            out.write(f"{key} {len(numbers)}\n" + " ".join(f"{number:.17g}" for number in numbers) + "\n")


if __name__ == "__main__":
    main()
