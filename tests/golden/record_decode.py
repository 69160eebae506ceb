"""Makes the JPEG and PNG fixtures of tests/golden/data/decode and records what Pillow decodes them to:

    python tests/golden/record_decode.py

Each line of expected.txt: file, width, height, CRC-32 of the pixels of Image.open(file).convert("RGB").
"""

import io
import pathlib
import struct
import zlib

import numpy as np
import PIL
from PIL import Image, features

from pixel_patterns import crc, pattern

HERE = pathlib.Path(__file__).parent / "data" / "decode"


def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def jpegs():
    face = Image.fromarray(pattern("blocks", 1, 112, 112))
    odd = Image.fromarray(pattern("blocks", 2, 37, 29))
    noise = Image.fromarray(pattern("noise", 3, 33, 47))
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        yield f"face_{name}", jpeg(face, quality=85, subsampling=subsampling)
        yield f"odd_{name}", jpeg(odd, quality=90, subsampling=subsampling)
        yield f"odd_{name}_progressive", jpeg(odd, quality=90, subsampling=subsampling, progressive=True)
        yield f"noise_{name}", jpeg(noise, quality=60, subsampling=subsampling)
    yield "face_progressive", jpeg(face, quality=70, progressive=True)
    yield "face_gray", jpeg(face.convert("L"), quality=85)
    yield "odd_gray_progressive", jpeg(odd.convert("L"), quality=90, progressive=True)
    yield "one_pixel", jpeg(Image.fromarray(pattern("blocks", 3, 1, 1)), quality=90)
    yield "one_row", jpeg(Image.fromarray(pattern("noise", 3, 70, 1)), quality=90)
    yield "rgb", jpeg(odd, quality=90, keep_rgb=True)
    yield "restarts", jpeg(odd, quality=90, restart_marker_blocks=2)
    yield "optimised", jpeg(odd, quality=90, optimize=True)
    yield "exif_orientation", jpeg(odd, quality=90, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0")
    # CMYK of all kinds: Adobe's marker with transform 0 (CMYK), 2 (YCCK: other pixels from the same bytes), without it.
    ink = np.concatenate([pattern("blocks", 4, 41, 35), pattern("noise", 5, 41, 35)[..., :1]], -1)
    cmyk = jpeg(Image.frombytes("CMYK", (41, 35), ink.tobytes()), quality=90)
    at = cmyk.index(b"Adobe")
    yield "cmyk_adobe", cmyk
    yield "ycck_adobe", cmyk[:at + 11] + b"\2" + cmyk[at + 12:]
    yield "cmyk_plain", cmyk[:at - 4] + cmyk[at + 12:]
    progressive = jpeg(Image.frombytes("CMYK", (41, 35), ink.tobytes()), quality=80, progressive=True)
    at = progressive.index(b"Adobe")
    yield "ycck_progressive", progressive[:at + 11] + b"\2" + progressive[at + 12:]
    plain = jpeg(odd, quality=90)
    yield "trailing_bytes", plain + b"left over" * 9
    at = plain.index(b"\xff\xdb")
    yield "stray_bytes_between_markers", plain[:at] + b"\1\2\3" + plain[at:]


PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))  # Adam7


def png(samples, depth, colour, interlaced=False, palette=None, transparent=None):
    """samples: height x width x channels, unsigned, of `depth` bits."""
    height, width = samples.shape[:2]

    def lines(part):
        out = b""
        for number, row in enumerate(part):
            values = row.reshape(-1)
            if depth == 16:
                raw = values.astype(">u2").tobytes()
            else:
                bits = ((values[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8).reshape(-1)
                raw = np.packbits(bits).tobytes()
            pixel = max(1, depth * samples.shape[2] // 8)
            filtered = raw
            if number % 2:  # the Sub filter on every other row
                filtered = bytes((b - (raw[i - pixel] if i >= pixel else 0)) & 255 for i, b in enumerate(raw))
            out += bytes([number % 2]) + filtered
        return out

    if interlaced:
        parts = [samples[y::dy, x::dx] for x, y, dx, dy in PASSES]
        data = b"".join(lines(part) for part in parts if part.size)
    else:
        data = lines(samples)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))
    if palette is not None:
        out += chunk(b"PLTE", palette.astype(np.uint8).tobytes())
    if transparent is not None:
        out += chunk(b"tRNS", transparent)
    return out + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


def pngs():
    width, height = 23, 19
    wide = (pattern("blocks", 6, width, height).astype(np.uint32) << 8) + pattern("noise", 7, width, height)
    alpha = (pattern("noise", 8, width, height)[..., :1].astype(np.uint32) << 8) + 77
    for interlaced in (False, True):
        tail = "_interlaced" if interlaced else ""
        for depth in (1, 2, 4, 8, 16):
            yield f"gray{depth}{tail}", png(wide[..., :1] >> (16 - depth), depth, 0, interlaced)
            if depth <= 8:
                palette = pattern("noise", 9, 1 << depth, 1).reshape(-1, 3)
                yield f"palette{depth}{tail}", png(wide[..., :1] >> (16 - depth), depth, 3, interlaced, palette)
            if depth >= 8:
                colours, a = wide >> (16 - depth), alpha >> (16 - depth)
                yield f"rgb{depth}{tail}", png(colours, depth, 2, interlaced)
                yield f"rgba{depth}{tail}", png(np.concatenate([colours, a], -1), depth, 6, interlaced)
                yield f"gray_alpha{depth}{tail}", png(np.concatenate([colours[..., :1], a], -1), depth, 4, interlaced)
    palette = pattern("noise", 9, 16, 1).reshape(-1, 3)
    yield "palette_transparent", png(wide[..., :1] >> 12, 4, 3, False, palette, bytes(range(0, 256, 16)))
    yield "rgb_transparent", png(wide >> 8, 8, 2, False, None, struct.pack(">HHH", 1, 2, 3))
    yield "gray_transparent", png(wide[..., :1] >> 8, 8, 0, False, None, struct.pack(">H", 40))
    yield "gray16_small_values", png(wide[..., :1] >> 7, 16, 0)


def main():
    HERE.mkdir(parents=True, exist_ok=True)
    for old in HERE.iterdir():
        old.unlink()
    lines = [f"# Pillow {PIL.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}, zlib {features.version('zlib')}",
             "# file width height crc"]
    for suffix, files in (("jpg", jpegs()), ("png", pngs())):
        for name, content in files:
            path = HERE / f"{name}.{suffix}"
            path.write_bytes(content)
            pixels = np.array(Image.open(path).convert("RGB"))
            lines.append(f"{path.name} {pixels.shape[1]} {pixels.shape[0]} {crc(pixels)}")
    (HERE / "expected.txt").write_text("\n".join(lines) + "\n")
    print(len(lines) - 2, "files,", sum(f.stat().st_size for f in HERE.iterdir()), "bytes")


if __name__ == "__main__":
    main()
