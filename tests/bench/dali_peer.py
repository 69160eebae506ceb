"""NVIDIA DALI's side of benchmark row 6 (picture_bytes.py): its CPU pipeline with one thread. The JPEGs are handed over without a
copy; batches of 128, ahead as DALI does it by itself.

  dali_peer.py PICTURES
"""

import itertools
import sys

import numpy as np
import nvidia.dali
from nvidia.dali import fn, pipeline_def, types

from picture_bytes import BATCH, answer, read_pictures

pictures = read_pictures(sys.argv[1])
flips = [np.array(i % 2, np.int32) for i in range(len(pictures))]
batches = [(pictures[i : i + BATCH], flips[i : i + BATCH]) for i in range(0, len(pictures), BATCH)]


@pipeline_def(batch_size=BATCH, num_threads=1, device_id=None)
def pipeline():
    jpegs, flip = fn.external_source(source=itertools.cycle(batches), num_outputs=2, batch=True, no_copy=True)
    pixels = fn.decoders.image(jpegs, device="cpu", output_type=types.RGB)
    return fn.crop_mirror_normalize(pixels, mirror=flip, dtype=types.FLOAT, output_layout="HWC",
                                    mean=[127.5] * 3, std=[127.5] * 3)


pipe = pipeline()
pipe.build()


def check():
    for _ in batches:
        (rows,) = pipe.run()
        yield from (rows.at(i) for i in range(BATCH))


def run_all():
    for _ in batches:
        pipe.run()


answer(f"DALI {nvidia.dali.__version__}", check, run_all)
