"""Row 11: a list of 5,000,000 pictures of 100,000 identities, loaded by ours and by the reference's own class.

index.py [ROW...]             makes the list, loads it three times each in turns, prints two lines ROW 11
index.py --reference LIST     loads it once with LMDB of data/data_loader_train_lmdb.py, unmodified

Environment: FACETRAIN_REFERENCE, a clone of HaiyuWu/iccv2025-fr-competition; FACETRAIN_BENCH_DIR. Seconds are of
the processor; memory is the peak of the resident set above that before loading (in Python: after the imports).
"""

import os
import subprocess
import sys

IDENTITIES, PICTURES = 100_000, 50


def status(name):
    """A line of /proc/self/status, in bytes. Not ru_maxrss: that one begins with the parent's."""
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))


def load_reference(path):
    import hashlib
    import time

    sys.path.insert(0, os.environ["FACETRAIN_REFERENCE"])
    import pandas
    import torch
    from data.data_loader_train_lmdb import LMDB

    before = status("VmRSS")
    wall, cpu = time.time(), time.process_time()
    data = LMDB(path)
    wall, cpu = time.time() - wall, time.process_time() - cpu
    peak = status("VmHWM") - before
    digest = hashlib.sha256()
    for name, label in zip(data.samples, data.targets):
        digest.update(f"{name}\t{label}\n".encode())
    print(
        f"images {len(data)} classes {data.classnum} wall_s {wall:.4f} cpu_s {cpu:.4f} peak_bytes {peak} "
        f"digest {digest.hexdigest()} pandas-{pandas.__version__} torch-{torch.__version__}"
    )


def write_list(path):
    with open(path + ".part", "w") as out:
        for i in range(IDENTITIES):
            start = f"/data/face_sets/hsface100k/{i:07d}/{i:07d}_"
            out.write("".join(f"{start}{k:03d}.jpg\n" for k in range(PICTURES)))
    os.replace(path + ".part", path)


def measured(command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit("index.py: " + (result.stderr.strip().splitlines() or ["it failed: " + " ".join(command)])[-1])
    print(os.path.basename(command[0]) + ": " + result.stdout.strip())
    words = result.stdout.split()
    return dict(zip(words[::2], words[1::2]))


def main():
    path = os.path.join(os.environ.get("FACETRAIN_BENCH_DIR", "/tmp"), "five_million.txt")
    if "FACETRAIN_REFERENCE" not in os.environ:
        sys.exit("FACETRAIN_REFERENCE, a clone of the reference, is not set")
    if not os.path.exists(path):
        write_list(path)
    ours, theirs = [], []
    for _ in range(3):
        ours.append(measured(["build-bench/bin/bench_open_source", path]))
        theirs.append(measured([sys.executable, __file__, "--reference", path]))
    if any(one["digest"] != ours[0]["digest"] for one in ours + theirs):
        sys.exit("ours and the reference's order or labels differ")
    for key, what in (("cpu_s", "load time"), ("peak_bytes", "peak memory")):
        mine, peers = sorted(float(one[key]) for one in ours), sorted(float(one[key]) for one in theirs)
        ratio = peers[0] / mine[0]
        print(
            f"ROW 11 {ratio:.3g} target 10 {'ok' if ratio >= 10 else 'short'} 5M-line list, {what}: the "
            f"reference's / ours (median {peers[1] / mine[1]:.3g})"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--reference"]:
        load_reference(sys.argv[2])
    else:
        main()
