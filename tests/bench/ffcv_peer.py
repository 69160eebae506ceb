"""FFCV's side of benchmark row 6 (picture_bytes.py): its Loader with one worker. Its file is made of the same JPEGs, as they are.

  ffcv_peer.py PICTURES
"""

import importlib.metadata
import os
import sys
import tempfile

import cv2
import numpy as np
import torch
from ffcv.fields import rgb_image
from ffcv.fields.decoders import SimpleRGBImageDecoder
from ffcv.loader import Loader, OrderOption
from ffcv.transforms import NormalizeImage, RandomHorizontalFlip
from ffcv.writer import DatasetWriter

from picture_bytes import BATCH, answer, read_pictures

torch.set_num_threads(1)
cv2.setNumThreads(1)
pictures = read_pictures(sys.argv[1])


class Decoded:
    """For the writer, which wants pixels and encodes them."""

    def __len__(self):
        return len(pictures)

    def __getitem__(self, i):
        wanted.append(pictures[i])
        return (np.zeros((112, 112, 3), np.uint8),)


wanted = []
rgb_image.encode_jpeg = lambda image, quality: wanted.pop()  # the writer's only use of it: the JPEG itself
folder = tempfile.TemporaryDirectory(prefix="ffcv-", dir=os.environ.get("FACETRAIN_BENCH_DIR"))
path = folder.name + "/pictures.beton"
DatasetWriter(path, {"image": rgb_image.RGBImageField(write_mode="jpg")}, num_workers=1).from_indexed_dataset(Decoded())


def loader(flip_probability):
    mean = np.full(3, 127.5, np.float32)
    return Loader(path, batch_size=BATCH, num_workers=1, os_cache=True, order=OrderOption.SEQUENTIAL, drop_last=False,
                  pipelines={"image": [SimpleRGBImageDecoder(), RandomHorizontalFlip(flip_probability),
                                       NormalizeImage(mean, mean, np.float32)]})


def check():
    for batch in zip(loader(0.0), loader(1.0)):
        straight, flipped = (np.asarray(rows[0]) for rows in batch)
        yield from ((flipped if i % 2 else straight)[i] for i in range(BATCH))


timed = loader(0.5)


def run_all():
    for _ in timed:
        pass


answer("FFCV " + importlib.metadata.version("ffcv"), check, run_all)
