"""Records what the reference's own Augmenter, torchvision, Pillow and OpenCV (without IPP) make of given pictures with
given parameters. Run in an environment that has torch, torchvision, opencv-python, Pillow and numpy:

    python tests/golden/record_augment.py CLONE [--orl ../shared/data/orl]

CLONE is a clone of HaiyuWu/iccv2025-fr-competition; its data/data_augmentor.py is imported, unmodified. Random draws are
replaced at run time: by the parameters of the case, or (chain) by the draws of facetrain's own random stream. Each line of
tests/golden/data/augment/*.txt is a case: its parameters and the CRC-32 of the result's bytes (height x width x channels).
"""

import argparse
import contextlib
import pathlib
import sys
from unittest import mock

import cv2
import numpy as np
import PIL
import torch
import torchvision
from PIL import Image
from torchvision import transforms

from pixel_patterns import KINDS, RandomStream, crc, pattern

HERE = pathlib.Path(__file__).parent / "data" / "augment"
CV_CODE = {"nearest": cv2.INTER_NEAREST, "linear": cv2.INTER_LINEAR, "area": cv2.INTER_AREA, "cubic": cv2.INTER_CUBIC,
           "lanczos4": cv2.INTER_LANCZOS4}


class Recording:
    def __init__(self, name, columns):
        self.name = name
        self.lines = [f"# torch {torch.__version__}, torchvision {torchvision.__version__}, Pillow {PIL.__version__}, "
                      f"OpenCV {cv2.__version__} without IPP, numpy {np.__version__}", f"# {columns}"]

    def add(self, *fields):
        self.lines.append(" ".join(str(f) for f in fields))

    def save(self):
        HERE.mkdir(parents=True, exist_ok=True)
        (HERE / f"{self.name}.txt").write_text("\n".join(self.lines) + "\n")
        print(f"{self.name}: {len(self.lines) - 2} cases")


def record_low_resolution(augmenter):
    out = Recording("low_resolution", "kind seed width height side down up crc small_crc")
    rng = np.random.default_rng(7)

    def case(kind, seed, width, height, side, down, up):
        image = pattern(kind, seed, width, height)
        # int(ratio * height) must give the side.
        ratio = (side + 0.5) / height
        with mock.patch("numpy.random.uniform", lambda low, high: ratio), \
                mock.patch("numpy.random.choice", mock.Mock(side_effect=[CV_CODE[down], CV_CODE[up]])):
            result, _ = augmenter.low_res_augmentation(image)
        small = cv2.resize(image, (side, side), interpolation=CV_CODE[down])
        out.add(kind, seed, width, height, side, down, up, crc(result), crc(small))

    for down in CV_CODE:
        for up in CV_CODE:
            for i, side in enumerate((22, 25, 28, 31, 33, 37, 45, 50, 56, 61, 64, 75, 80, 88, 97, 100, 111)):
                case(KINDS[i % 3], i, 112, 112, side, down, up)
            for _ in range(6):  # other shapes: one way may shrink while the other enlarges
                width, height = int(rng.integers(20, 260)), int(rng.integers(20, 260))
                case(KINDS[int(rng.integers(3))], 9, width, height, int(rng.uniform(.2, 1) * height), down, up)
            case("noise", 3, 250, 250, 50, down, up)
            case("noise", 4, 224, 224, 112, down, up)
            case("noise", 5, 90, 90, 30, down, up)
            case("blocks", 6, 1, 9, 3, down, up)
    out.save()


def record_crop(augmenter):
    out = Recording("crop", "kind seed width height top left kept_height kept_width crc")
    for seed, (width, height, box) in enumerate([
            (112, 112, (0, 0, 112, 112)), (112, 112, (10, 20, 50, 60)), (112, 112, (62, 0, 50, 112)),
            (112, 112, (0, 111, 112, 1)), (112, 112, (111, 111, 1, 1)), (100, 130, (3, 40, 90, 60)),
            (37, 29, (28, 0, 1, 37))]):
        kind = KINDS[seed % 3]
        with mock.patch.object(augmenter.random_resized_crop, "get_params", lambda *args: box):
            result, _ = augmenter.crop_augment(Image.fromarray(pattern(kind, seed, width, height)))
        out.add(kind, seed, width, height, *box, crc(np.array(result)))
    out.save()


def record_colour_jitter(augmenter):
    out = Recording("colour_jitter", "kind seed width height order(0 brightness, 1 contrast, 2 saturation) factors crc")
    rng = np.random.default_rng(11)
    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    factors = [(1.0, 1.0, 1.0), (0.5, 0.5, 0.5), (1.5, 1.5, 1.5), (0.5, 1.5, 1.0)]
    factors += [tuple(rng.uniform(0.5, 1.5, 3)) for _ in range(8)]
    for i, (b, c, s) in enumerate(factors):
        for order in orders:
            kind = KINDS[i % 3]
            width, height = (112, 112) if i % 4 else (61, 47)
            params = (torch.tensor([*order, 3]), b, c, s, None)
            with mock.patch.object(augmenter.photometric, "get_params", lambda *args: params):
                result = augmenter.photometric_augmentation(Image.fromarray(pattern(kind, i, width, height)))
            out.add(kind, i, width, height, *order, *(float(f).hex() for f in (b, c, s)), crc(np.array(result)))
    out.save()


def record_resize():
    out = Recording("pillow_resize", "kind seed width height new_width new_height crc")
    sizes = [(100, 130, 112, 112), (130, 100, 112, 112), (250, 250, 112, 112), (112, 100, 112, 112),
             (100, 112, 112, 112), (111, 113, 112, 112), (224, 224, 112, 112), (56, 56, 112, 112), (500, 333, 112, 112),
             (1, 1, 112, 112), (3, 200, 112, 112), (112, 112, 96, 112), (112, 112, 112, 96), (17, 19, 224, 224),
             (640, 480, 112, 112), (113, 113, 112, 112),
             (130, 149, 112, 112), (131, 150, 112, 112), (114, 118, 112, 112)]  # about Pillow 13's order of the passes
    for i, (width, height, new_width, new_height) in enumerate(sizes):
        for kind in KINDS:
            image = Image.fromarray(pattern(kind, i, width, height))
            result = transforms.Resize((new_height, new_width))(image)
            out.add(kind, i, width, height, new_width, new_height, crc(np.array(result)))
    out.save()


def record_normalise():
    out = Recording("normalise", "value float32 float16 bfloat16 (bits)")
    image = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16).repeat(3).reshape(16, 16, 3))
    chain = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)])
    values = chain(image)[0].flatten()
    f16, bf16 = values.to(torch.float16).view(torch.int16), values.to(torch.bfloat16).view(torch.int16)
    for i, (a, b, c) in enumerate(zip(values.view(torch.int32), f16, bf16)):
        out.add(i, f"{int(a) & 0xFFFFFFFF:08x}", f"{int(b) & 0xFFFF:04x}", f"{int(c) & 0xFFFF:04x}")
    out.save()


@contextlib.contextmanager
def drawing_from(stream):
    """Makes numpy and torch draw from `stream`; ColorJitter's permutation of four (hue does nothing) becomes one of three."""
    def permutation(n):
        assert n == 4
        order = [0, 1, 2]
        for i in range(2):
            j = i + stream.below(3 - i)
            order[i], order[j] = order[j], order[i]
        return torch.tensor([*order, 3])

    def uniform(self, low=0.0, high=1.0):
        return torch.tensor([stream.uniform(float(low), float(high))], dtype=torch.float64)

    with mock.patch("numpy.random.random", stream.uniform), \
            mock.patch("numpy.random.uniform", stream.uniform), \
            mock.patch("numpy.random.choice", lambda options: options[stream.below(len(options))]), \
            mock.patch.object(torch.Tensor, "uniform_", uniform), \
            mock.patch("torch.rand", lambda n: torch.tensor([stream.uniform()], dtype=torch.float64)), \
            mock.patch("torch.randint", lambda low, high, size: torch.tensor([low + stream.below(high - low)])), \
            mock.patch("torch.randperm", permutation):
        yield


def record_draws(augmenter):
    out = Recording("draws", "what position width height -> top left height width (erase: -1 where nothing is erased)")
    crop = augmenter.random_resized_crop
    erasing = transforms.RandomErasing()
    for position in range(300):
        width, height = [(112, 112), (100, 130), (40, 200), (200, 30)][position % 4]
        image = Image.new("RGB", (width, height))
        with drawing_from(RandomStream(42, 1, 3, position)):
            out.add("crop", position, width, height, *crop.get_params(image, crop.scale, crop.ratio))
        tensor = torch.ones(3, height, width)
        with drawing_from(RandomStream(42, 1, 4, position)):
            zero = (erasing(tensor)[0] == 0).nonzero()
        if len(zero) == 0:
            out.add("erase", position, width, height, -1, -1, -1, -1)
        else:
            (top, left), (bottom, right) = zero.min(0).values.tolist(), zero.max(0).values.tolist()
            out.add("erase", position, width, height, top, left, bottom - top + 1, right - left + 1)
    out.save()


def whole_chain(augmenter, image, stream, augment, erase, size):
    chain = [transforms.Resize(size), transforms.RandomHorizontalFlip(), transforms.ToTensor(),
             transforms.Normalize([0.5] * 3, [0.5] * 3)] + ([transforms.RandomErasing()] if erase else [])
    with drawing_from(stream):
        if augment:
            image = augmenter.augment(image)
        return transforms.Compose(chain)(image).permute(1, 2, 0).contiguous()


def record_chain(augmenter):
    out = Recording("chain", "kind seed width height position augment erase new_height new_width crc(f32) crc(f16) crc(bf16)")
    for position in range(240):
        kind, seed = KINDS[position % 3], position % 5
        width, height = [(112, 112), (112, 112), (112, 112), (100, 130), (130, 90)][position % 5]
        augment, erase = (position % 8 != 0), (position % 7 != 0)
        size = (112, 112) if position % 11 else (96, 112)
        row = whole_chain(augmenter, Image.fromarray(pattern(kind, seed, width, height)),
                          RandomStream(42, 1, 5, position), augment, erase, size)
        out.add(kind, seed, width, height, position, int(augment), int(erase), *size, crc(row.numpy()),
                crc(row.half().numpy()), crc(row.bfloat16().view(torch.int16).numpy()))
    out.save()


def record_orl(augmenter, folder):
    out = Recording("chain_orl", "path position crc(f32) of decoded and augmented photographs")
    paths = sorted(folder.glob("*/*/*.jpg"))
    for position, path in enumerate(paths):
        row = whole_chain(augmenter, Image.open(path).convert("RGB"), RandomStream(42, 1, 6, position), True, True,
                          (112, 112))
        out.add(path.relative_to(folder).as_posix(), position, crc(row.numpy()))
    out.save()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clone", type=pathlib.Path)
    parser.add_argument("--orl", type=pathlib.Path)
    arguments = parser.parse_args()
    cv2.ipp.setUseIPP(False)
    sys.path.insert(0, str(arguments.clone / "data"))
    from data_augmentor import Augmenter

    augmenter = Augmenter(0.3, 0.3, 0.3)
    record_low_resolution(augmenter)
    record_crop(augmenter)
    record_colour_jitter(augmenter)
    record_resize()
    record_normalise()
    record_draws(augmenter)
    record_chain(augmenter)
    if arguments.orl:
        record_orl(augmenter, arguments.orl)


if __name__ == "__main__":
    main()
