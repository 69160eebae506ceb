"""Row 11: a list of 5,000,000 pictures of 100,000 identities, loaded by ours and by the reference's own class.

index.py [ROW...]             makes the list, loads it three times each in turns, prints two lines ROW 11
index.py --reference LIST     loads it once with LMDB of data/data_loader_train_lmdb.py, unmodified
index.py --kinds N BYTES [WHAT...]
                              opens N pictures of BYTES bytes (in shards: on average) in each kind of source
                              (WHAT: lists, records, lmdb, shards; default: all), without and with the index that
                              the first opening keeps

Environment: FACETRAIN_REFERENCE, a clone of HaiyuWu/iccv2025-fr-competition; FACETRAIN_BENCH_DIR. Seconds are of
the processor; memory is the peak of the resident set above that before loading (in Python: after the imports).
"""

import os
import struct
import subprocess
import sys
import tempfile

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


def measured(command, quiet=False):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit("index.py: " + (result.stderr.strip().splitlines() or ["it failed: " + " ".join(command)])[-1])
    if not quiet:
        print(os.path.basename(command[0]) + ": " + result.stdout.strip())
    words = result.stdout.split()
    return dict(zip(words[::2], words[1::2]))


def write_records(folder, n, picture):
    """InsightFace's train.rec, and DCFace's file.rec with list.txt."""
    for name, labelled in (("train", True), ("dcface/file", False)):
        os.makedirs(os.path.dirname(f"{folder}/{name}"), exist_ok=True)
        with open(f"{folder}/{name}.rec", "wb") as rec, open(f"{folder}/{name}.idx", "w") as index:
            at = 0

            def put(key, flag, label, more=b""):
                nonlocal at
                body = struct.pack("<IfQQ", flag, label, key, 0) + more
                body = struct.pack("<II", 0xCED7230A, len(body)) + body
                rec.write(body + b"\0" * (-len(body) % 4))
                index.write(f"{key}\t{at}\n")
                at = rec.tell()

            if labelled:
                put(0, 2, 0, struct.pack("<ff", n + 1, n + 1 + n // PICTURES))
            for i in range(n):
                put(i + labelled, 0, i // PICTURES if labelled else 0, picture)
    with open(f"{folder}/dcface/list.txt", "w") as out:
        out.writelines(f"{i}\timages/{i // PICTURES}/{i % PICTURES}.jpg\n" for i in range(n))
    return ["train.rec", "dcface/file.rec"]


def write_lmdb(folder, n, picture):
    """As utils/imagelist2lmdb.py of the parent does, and with names for keys."""
    import lmdb
    import msgpack

    for name in ("numbers", "names"):
        path = f"{folder}/{name}.lmdb"
        keys = [b"%d" % i if name == "numbers" else b"hsface/%07d/%03d" % divmod(i, PICTURES) for i in range(n)]
        data = lmdb.open(path, subdir=False, map_size=n * (len(picture) + 8192) + (1 << 28), lock=False, sync=False)
        with data.begin(write=True) as transaction:
            for i in sorted(range(n), key=keys.__getitem__):
                transaction.put(keys[i], msgpack.packb((picture, i // PICTURES)), append=True)
            transaction.put(b"__keys__", msgpack.packb(keys))
            transaction.put(b"__len__", msgpack.packb(n))
            transaction.put(b"__classnum__", msgpack.packb(n // PICTURES))
        data.close()
    return ["numbers.lmdb", "names.lmdb"]


def write_shards(folder, n, picture):
    import json
    import tarfile

    def member(name, data):
        info = tarfile.TarInfo(name)
        info.size = len(data)
        return info.tobuf(tarfile.USTAR_FORMAT) + data + b"\0" * (-len(data) % 512)

    shards = []
    for first in range(0, n, 10_000):
        count = min(10_000, n - first)
        shards.append({"url": f"shard-{first // 10_000:04d}.tar", "nsamples": count})
        with open(f"{folder}/{shards[-1]['url']}", "wb") as out:
            for i in range(first, first + count):
                key = f"id_{i // PICTURES:06d}/{i:08d}"
                # Half to one and a half times as large: where the next header stands must not be a guess.
                own = (picture + picture)[: len(picture) // 2 + i * 2654435761 % 2**32 % len(picture)]
                out.write(member(key + ".cls", b"%d" % (i // PICTURES)) + member(key + ".jpg", own))
            out.write(b"\0" * 1024)
    with open(f"{folder}/shards.json", "w") as out:
        json.dump({"wids_version": 1, "shardlist": shards}, out)
    return ["shards.json"]


def write_lists(folder, n, _):
    import random

    lines = [f"/data/face_sets/hsface100k/{i // PICTURES:07d}/{i:09d}.jpg\n" for i in range(n)]
    with open(f"{folder}/grouped.txt", "w") as out:
        out.writelines(lines)
    random.Random(1).shuffle(lines)
    with open(f"{folder}/shuffled.txt", "w") as out:
        out.writelines(lines)
    return ["grouped.txt", "shuffled.txt"]


def open_kinds(n, size, what):
    base = os.environ.get("FACETRAIN_BENCH_DIR", "/tmp")
    writers = {"lists": write_lists, "records": write_records, "lmdb": write_lmdb, "shards": write_shards}
    for write in [writers[name] for name in what or writers]:
        with tempfile.TemporaryDirectory(dir=base) as folder:
            for name in write(folder, n, b"j" * size):
                path, lines = f"{folder}/{name}", []
                for opening in ("first", "second", "third"):  # the first may meet a cold page cache
                    if opening == "second" and os.path.exists(path + ".facetrain-index"):
                        os.remove(path + ".facetrain-index")
                    lines.append(measured([f"{bench_bin}/bench_open_source", path, "--no-digest"], quiet=True))
                for line, what in zip(lines[1:], ("gone through", "opened again")):
                    held, peak = (float(line[key]) / n for key in ("held_bytes", "peak_bytes"))
                    print(
                        f"{name:16} {n} pictures {what}: wall {float(line['wall_s']):.3f} s, processor "
                        f"{float(line['cpu_s']):.3f} s, {held:.1f} bytes a picture held, {peak:.1f} at most",
                        flush=True,
                    )


def main():
    path = os.path.join(os.environ.get("FACETRAIN_BENCH_DIR", "/tmp"), "five_million.txt")
    if "FACETRAIN_REFERENCE" not in os.environ:
        sys.exit("FACETRAIN_REFERENCE, a clone of the reference, is not set")
    if not os.path.exists(path):
        write_list(path)
    ours, theirs = [], []
    for _ in range(3):
        ours.append(measured([f"{bench_bin}/bench_open_source", path]))
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
    elif sys.argv[1:2] == ["--kinds"]:
        open_kinds(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
    else:
        main()
