"""Compares the losses of our runs with the reference's (tests/golden/data/loss_curves.txt), both "NAME loss loss ..." a line, a seed each.

  compare_loss_curves.py GOLDEN OURS

Means of ten steps are one number a seed. One seed of ours must lie within LIMIT deviations of the reference's mean; the deviation is
that of the reference's seeds in this window or, where that is larger, their root mean square over the windows (a handful of seeds can
lie close together by chance). Several seeds: Welch's t-test in each window, and p must not be below LEVEL over the number of windows.
"""
import math
import sys
from statistics import mean, stdev

WINDOW, WINDOWS = 10, 6
LIMIT, LEVEL = 5.0, 0.01


def window_means(path):
    """[seed][window]"""
    rows = [[float(value) for value in line.split()[1:]] for line in open(path) if line.strip() and not line.startswith("#")]
    for row in rows:
        assert len(row) >= WINDOW * WINDOWS, f"{path}: a run of {len(row)} steps, {WINDOW * WINDOWS} are compared"
        assert all(map(math.isfinite, row)), f"{path}: a loss that is no number"
    return [[mean(row[WINDOW * w:WINDOW * (w + 1)]) for w in range(WINDOWS)] for row in rows]


def two_sided_p(t, freedom):
    """Student's t: twice the upper tail, by Simpson's rule over the density from 0 to |t|."""
    constant = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    pieces = 2000
    step = abs(t) / pieces
    density = [constant * (1 + (i * step) ** 2 / freedom) ** (-(freedom + 1) / 2) for i in range(pieces + 1)]
    return 1 - 2 * step / 3 * (density[0] + density[-1] + 4 * sum(density[1:-1:2]) + 2 * sum(density[2:-1:2]))


def welch(a, b):
    """(t, two-sided p) of the difference of the means, variances not assumed equal (Welch 1947)."""
    va, vb = stdev(a) ** 2 / len(a), stdev(b) ** 2 / len(b)
    freedom = (va + vb) ** 2 / (va ** 2 / (len(a) - 1) + vb ** 2 / (len(b) - 1))
    t = (mean(a) - mean(b)) / math.sqrt(va + vb)
    return t, two_sided_p(t, freedom)


def main(golden_path, ours_path):
    golden, ours = window_means(golden_path), window_means(ours_path)
    assert len(golden) >= 5 and ours, f"{len(golden)} runs of the reference and {len(ours)} of ours"
    overall = math.sqrt(mean(stdev(row[w] for row in golden) ** 2 for w in range(WINDOWS)))
    bad = 0
    for w in range(WINDOWS):
        a, b = [row[w] for row in ours], [row[w] for row in golden]
        text = f"steps {WINDOW * w + 1}-{WINDOW * (w + 1)}: ours {mean(a):.2f} of {len(a)}, the reference {mean(b):.2f} of {len(b)} ({min(b):.2f} to {max(b):.2f})"
        if len(a) == 1:
            deviations = (a[0] - mean(b)) / max(stdev(b), overall)
            text, wrong = f"{text}, {deviations:+.1f} deviations", not abs(deviations) <= LIMIT
        else:
            t, p = welch(a, b)
            text, wrong = f"{text}, t {t:+.2f}, p {p:.3f}", not p >= LEVEL / WINDOWS
        print(text + ("  DIFFERENT" if wrong else ""))
        bad += wrong
    if bad:
        sys.exit(f"FAILED: {bad} of {WINDOWS} windows differ from the reference's")


main(*sys.argv[1:])
