"""Compares a trace (facetrain train --trace) with a run of the reference (tests/golden/data/parity_run.txt).

  parity_trace.py GOLDEN RUN TRACE KEY=BOUND...    e.g. ... f64_2x8 trace.jsonl loss=1e-8 grad_norm=1e-8

Samples of every step and rank and the learning rates must be equal; KEY is what the golden file calls the numbers
(exact_norm: the gradient's norm, summed in float64), BOUND the largest relative difference allowed.
"""
import json
import math
import sys


def read_golden(path):
    lines = [line for line in open(path).read().splitlines() if not line.startswith("#")]
    return {name.split()[0]: [float(value) for value in values.split()] for name, values in zip(lines[::2], lines[1::2])}


def main(golden_path, run, trace_path, *bounds):
    golden = read_golden(golden_path)
    batch = int(run.split("x")[1])
    ranks = sum(key.startswith(run + ".ids.") for key in golden)
    lines = [json.loads(line) for line in open(trace_path)]
    steps = len(golden[run + ".loss"])
    assert len(lines) == steps * ranks, f"{len(lines)} lines for {steps} steps of {ranks} ranks"
    largest = {bound.split("=")[0]: 0.0 for bound in bounds}
    for step in range(steps):
        for rank in range(ranks):
            line = lines[step * ranks + rank]
            assert (line["step"], line["rank"]) == (step + 1, rank), line
            ids = golden[f"{run}.ids.{rank}"][step * batch:(step + 1) * batch]
            assert line["ids"] == ids, f"step {step + 1} rank {rank}: samples {line['ids']}, the reference's {ids}"
            lr = golden[run + ".lr"][step]
            assert math.isclose(line["lr"], lr, rel_tol=1e-15), f"step {step + 1}: lr {line['lr']}, {lr}"
            for key in largest:
                ours, theirs = line["loss" if key == "loss" else "grad_norm"], golden[f"{run}.{key}"][step]
                difference = abs(ours - theirs) / abs(theirs)
                largest[key] = difference if not difference <= largest[key] else largest[key]  # a NaN stays
    print(f"{run}: {steps} steps of {ranks} ranks; samples and learning rates equal; largest relative difference: " +
          ", ".join(f"{key} {value:.2g}" for key, value in largest.items()))
    for bound in bounds:
        key, value = bound.split("=")
        assert largest[key] <= float(value), f"{run}: {key} differs by {largest[key]:.3g}, more than {value}"


main(*sys.argv[1:])
