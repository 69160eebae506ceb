"""Pictures made by a formula in integers (tests/golden/dataservice/pixels.hpp makes the same), so that goldens need not
store their inputs; and the counter-based random stream of common/plan/philox.hpp."""

import zlib

import numpy as np

KINDS = ("noise", "sawtooth", "blocks")


def _hash(x, y, c, seed):
    v = (x * 73856093) ^ (y * 19349663) ^ (c * 83492791) ^ ((seed * 2654435761) & 0xFFFFFFFF)
    v &= 0xFFFFFFFF
    v ^= v >> 13
    v = (v * 1274126177) & 0xFFFFFFFF
    return v ^ (v >> 16)


def pattern(kind, seed, width, height):
    """uint8, height x width x 3."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3].astype(np.uint64)
    noise = _hash(x, y, c, seed)
    if kind == "noise":
        v = noise & 255
    elif kind == "sawtooth":
        v = (x * 3 + y * 2 * (c + 1) + 7 * seed + 40 * c) & 255
    elif kind == "blocks":
        bump = x * (width - x) * 400 // (width * width) + y * (height - y) * 200 // (height * height)
        block = ((x // 17 + y // 13 + seed) & 1) * 60
        v = np.minimum(bump + block + 20 * c + (noise & 15), 255)
    else:
        raise ValueError(kind)
    return v.astype(np.uint8)


def crc(array):
    return f"{zlib.crc32(np.ascontiguousarray(array).tobytes()):08x}"


class RandomStream:
    """Philox4x32-10, keyed as RandomStream in common/plan/philox.hpp."""

    def __init__(self, seed, purpose, when, position):
        self.key = (seed & 0xFFFFFFFF, ((seed >> 32) & 0xFFFFFFFF) ^ (purpose << 24))
        self.when, self.position, self.number, self.words = when, position, 0, []

    def next_u32(self):
        if not self.words:
            c = [self.number, self.when, self.position & 0xFFFFFFFF, self.position >> 32]
            k = list(self.key)
            for _ in range(10):
                a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
                c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
                k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
            self.words, self.number = c, self.number + 1
        return self.words.pop(0)

    def uniform(self, low=0.0, high=1.0):
        a, b = self.next_u32() >> 5, self.next_u32() >> 6
        return low + (high - low) * ((a * 67108864 + b) * (1.0 / 9007199254740992.0))

    def below(self, n):
        return (self.next_u32() * n) >> 32
