"""What the Python peers of row 6 share: the file of pictures.hpp, and the talk with bench_dali.

The peer prints "ready NAME VERSION". On "check" it writes every picture's float32 result, height x width x 3, one after the other,
as bytes; picture i is flipped when i is odd. On "round" it does all pictures once and prints "processor_us clock_us", all threads.
"""

import sys
import time

import numpy as np

BATCH = 128


def read_pictures(path):
    """The JPEGs, as arrays that lie in the mapped file; as many as fill whole batches."""
    data = np.memmap(path, np.uint8, "r")
    assert bytes(data[:8]) == b"FTPICS01"
    count = int(data[8:16].view(np.uint64)[0])
    sizes = data[16 : 16 + 8 * count].view(np.uint64).astype(np.int64)
    ends = 16 + 8 * count + np.cumsum(sizes)
    pictures = [np.asarray(data[end - size : end]) for end, size in zip(ends, sizes)]
    return pictures[: count // BATCH * BATCH]


def answer(name, check, run_all):
    """check(): yields the results; run_all(): all pictures once."""
    print("ready", name, flush=True)
    for line in sys.stdin:
        if line.strip() == "check":
            for pixels in check():
                sys.stdout.buffer.write(np.ascontiguousarray(pixels, np.float32).tobytes())
            sys.stdout.buffer.flush()
            continue
        cpu, wall = time.process_time_ns(), time.perf_counter_ns()
        run_all()
        print((time.process_time_ns() - cpu) / 1e3, (time.perf_counter_ns() - wall) / 1e3, flush=True)
