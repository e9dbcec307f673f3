#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws the pictures in Fixtures/ and writes what Pillow and NumPy make of them.

    python make_vectors.py                  the fixtures
    python make_vectors.py SHARED [STEP]    also the digests of every STEPth picture (default 10) in SHARED/images

Nothing is random, so the same versions write the same bytes; they are named in cases.json. PNG kinds that Pillow cannot
write (16-bit colour, interlaced, transparent grey) are put together here, chunk by chunk.
"""

import hashlib
import io
import fractions
import json
import pathlib
import struct
import sys
import zlib

import numpy as np
import PIL
from PIL import Image, ImageOps, features

HERE = pathlib.Path(__file__).resolve().parent / "Fixtures"
cases = {
    "made with": {
        "Pillow": PIL.__version__,
        "libjpeg-turbo": features.version("libjpeg_turbo"),
        "libwebp": features.version("webp"),
        "NumPy": np.__version__,
    },
    "decode": [],
    # Python's client and browsers read no TIFF files.
    "decodeTIFF": [],
    "resize": [],
    "preprocess": [],
}


def draw(width, height, channels, seed=1):
    """Slopes, a disc and hard stripes, with a little hashed grain: smooth parts, edges and noise."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    planes = []
    for channel in range(channels):
        slope = (x * (3 + channel) * 255 // max(width, 1) + y * (5 - channel) * 255 // max(height, 1)) // 7
        disc = (2 * x - width) ** 2 + (2 * y - height) ** 2 < (min(width, height) // (1 + channel % 2)) ** 2
        stripes = ((x + channel * 2) // 3) % 5 == 0
        grain = ((x * 73856093) ^ (y * 19349663) ^ ((channel + seed) * 83492791)) % 31
        plane = np.where(stripes, 250 - slope // 2, np.where(disc, 255 - slope, slope)) + grain - 15
        planes.append(np.clip(plane, 0, 255))
    return np.stack(planes, axis=-1).astype(np.uint8)


def picture(width, height, mode, seed=1):
    pixels = draw(width, height, len(mode), seed)
    return Image.fromarray(pixels[..., 0] if len(mode) == 1 else pixels, mode)


def save_npy(name, array):
    np.save(HERE / name, np.ascontiguousarray(array))
    return name


def pixels_of(image):
    array = np.asarray(image)
    return array.reshape(1, image.height, image.width, -1)


def over_black(image):
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba).convert("RGB")


def decode_case(name, expected, mode=None):
    if isinstance(expected, Image.Image):
        expected = pixels_of(expected if mode is None else expected.convert(mode))
    stem = name.replace(".", "-")
    cases["decodeTIFF" if name.endswith(".tif") else "decode"].append({"file": name, "expected": save_npy(f"{stem}.npy", expected)})


def opened(name):
    image = Image.open(HERE / name)
    image.load()
    return image


# JPEG


def jpeg(name, image, mode="RGB", **options):
    image.save(HERE / name, "JPEG", quality=options.pop("quality", 88), **options)
    decode_case(name, ImageOps.exif_transpose(opened(name)), mode)


def exif(orientation, byte_order="<", prefix=b"Exif\0\0"):
    """A TIFF file of one directory: Make (stored elsewhere), Orientation, and nothing else."""
    entries = struct.pack(byte_order + "HHII", 0x010F, 2, 8, 38)
    entries += struct.pack(byte_order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    head = {"<": b"II", ">": b"MM"}[byte_order] + struct.pack(byte_order + "HI", 42, 8)
    return prefix + head + struct.pack(byte_order + "H", 2) + entries + struct.pack(byte_order + "I", 0) + b"drawing\0"


jpeg("colour-444.jpg", picture(27, 19, "RGB"), subsampling=0)
jpeg("colour-422.jpg", picture(27, 19, "RGB"), subsampling=1)
jpeg("colour-420.jpg", picture(27, 19, "RGB"), subsampling=2)
jpeg("progressive.jpg", picture(27, 19, "RGB"), progressive=True)
jpeg("restarts.jpg", picture(27, 19, "RGB"), restart_marker_blocks=2)
jpeg("grey.jpg", picture(27, 19, "L"), mode="L")
jpeg("cmyk.jpg", picture(19, 11, "CMYK"))
for orientation in range(1, 9):
    jpeg(
        f"orientation-{orientation}.jpg", picture(13, 8, "RGB"), subsampling=0,
        exif=exif(orientation, "<>"[orientation % 2]))

# PNG


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(name, width, height, depth, colour, rows, before=(), interlaced=False):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunk(*part) for part in before)
    data += chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    (HERE / name).write_bytes(data)


def unfiltered(samples):
    """Rows of bytes, each behind the filter type None."""
    return b"".join(b"\0" + bytes(row) for row in samples.reshape(samples.shape[0], -1).view(np.uint8))


def adam7(samples):
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    parts = [samples[y::dy, x::dx] for x, y, dx, dy in passes]
    return b"".join(unfiltered(np.ascontiguousarray(part)) for part in parts if part.size)


for name, image in {
    "colour.png": picture(33, 25, "RGB"),
    "grey.png": picture(33, 25, "L"),
    "one-bit.png": picture(23, 15, "L").convert("1"),
    "palette.png": picture(23, 15, "RGB").quantize(9),
}.items():
    image.save(HERE / name)
    decode_case(name, opened(name), "L" if name in ("grey.png", "one-bit.png") else "RGB")

picture(23, 15, "RGBA").save(HERE / "alpha.png")
decode_case("alpha.png", over_black(opened("alpha.png")))
picture(23, 15, "RGB").quantize(9).save(HERE / "palette-alpha.png", transparency=bytes([0, 60, 200]))
decode_case("palette-alpha.png", over_black(opened("palette-alpha.png")))
Image.fromarray(draw(23, 15, 2), "LA").save(HERE / "grey-alpha.png")
decode_case("grey-alpha.png", over_black(opened("grey-alpha.png")), "L")
picture(13, 8, "RGB").save(HERE / "orientation.png", exif=exif(6, prefix=b""))
decode_case("orientation.png", ImageOps.exif_transpose(opened("orientation.png")), "RGB")

grey = draw(23, 15, 1)[..., 0]
png("grey-4.png", 22, 15, 4, 0, unfiltered(grey[:, 0:22:2] & 0xF0 | grey[:, 1:22:2] >> 4))
decode_case("grey-4.png", opened("grey-4.png"), "L")
png("grey-transparent.png", 23, 15, 8, 0, unfiltered(grey // 64), before=[(b"tRNS", struct.pack(">H", 2))])
decode_case("grey-transparent.png", over_black(opened("grey-transparent.png")), "L")
flat = draw(23, 15, 3) // 128 * 255
png("colour-transparent.png", 23, 15, 8, 2, unfiltered(flat), before=[(b"tRNS", struct.pack(">HHH", 255, 0, 255))])
decode_case("colour-transparent.png", over_black(opened("colour-transparent.png")))
deep = draw(23, 15, 3).astype(np.uint32) * 256 + draw(23, 15, 3, seed=2)
png("colour-16.png", 23, 15, 16, 2, unfiltered(deep.astype(">u2")))
decode_case("colour-16.png", opened("colour-16.png"), "RGB")
png("grey-16.png", 23, 15, 16, 0, unfiltered(deep[..., 0].astype(">u2")))
decode_case("grey-16.png", (np.asarray(opened("grey-16.png")).astype(np.uint32) >> 8).astype(np.uint8)[None, ..., None])
png("interlaced.png", 23, 15, 8, 2, adam7(draw(23, 15, 3)), interlaced=True)
decode_case("interlaced.png", opened("interlaced.png"), "RGB")

# WebP

picture(27, 19, "RGB").save(HERE / "lossless.webp", lossless=True)
decode_case("lossless.webp", opened("lossless.webp"), "RGB")
picture(27, 19, "RGB").save(HERE / "lossy.webp", quality=80)
decode_case("lossy.webp", opened("lossy.webp"), "RGB")
picture(27, 19, "RGBA").save(HERE / "alpha.webp", lossless=True, exact=True)
decode_case("alpha.webp", over_black(opened("alpha.webp")))
picture(13, 8, "RGB").save(HERE / "orientation.webp", lossless=True, exif=exif(8))
decode_case("orientation.webp", ImageOps.exif_transpose(opened("orientation.webp")), "RGB")
Image.fromarray(draw(8, 8, 3)).save(
    HERE / "animation.webp", lossless=True, save_all=True, append_images=[Image.fromarray(draw(8, 8, 3, seed=3))])

# TIFF


def tiff(name, image, mode="RGB", compression="raw", **tags):
    """Tags by their number: 278 is the rows of a strip, 317 a predictor, 274 the orientation."""
    image.save(HERE / name, compression=compression, tiffinfo={int(key[1:]): value for key, value in tags.items()})
    decode_case(name, ImageOps.exif_transpose(opened(name)), mode)


tiff("plain.tif", picture(27, 19, "RGB"), t278=5)
tiff("lzw.tif", picture(57, 33, "RGB"), compression="tiff_lzw", t278=16)
tiff("lzw-differences.tif", picture(57, 33, "RGB"), compression="tiff_lzw", t317=2)
tiff("deflate.tif", picture(27, 19, "L"), "L", compression="tiff_adobe_deflate", t317=2)
tiff("runs.tif", picture(27, 19, "RGB").quantize(9), compression="packbits", t278=7)
tiff("one-bit.tif", picture(27, 19, "L").convert("1"), "L", t274=6)
picture(23, 15, "RGBA").save(HERE / "alpha.tif", compression="tiff_lzw")
decode_case("alpha.tif", over_black(opened("alpha.tif")))


def big_endian_tiff(name, width, height, tags, blocks):
    """A file of Motorola's byte order; `tags` have numbers as values, blocks are the data of strips or tiles."""
    places, data = [], b""
    for block in blocks:
        places.append(8 + len(data))
        data += block
    offsets, counts = (324, 325) if 322 in tags else (273, 279)
    tags = {256: [width], 257: [height], offsets: places, counts: [len(block) for block in blocks], **tags}
    start = 8 + len(data)
    outside = start + 2 + 12 * len(tags) + 4
    entries, values = b"", b""
    for tag in sorted(tags):
        content = struct.pack(f">{len(tags[tag])}I", *tags[tag])
        entries += struct.pack(">HHI", tag, 4, len(tags[tag]))
        entries += content if len(content) == 4 else struct.pack(">I", outside + len(values))
        values += b"" if len(content) == 4 else content
    head = b"MM" + struct.pack(">HI", 42, start)
    (HERE / name).write_bytes(head + data + struct.pack(">H", len(tags)) + entries + struct.pack(">I", 0) + values)


wide = draw(32, 48, 1)[..., 0].astype(np.uint32) * 256 + draw(32, 48, 1, seed=2)[..., 0]
tiles = [wide[y:y + 16, x:x + 16].astype(">u2").tobytes() for y in (0, 16, 32) for x in (0, 16)]
big_endian_tiff(
    "tiles-16.tif", 30, 35, {258: [16], 259: [8], 262: [1], 277: [1], 322: [16], 323: [16]},
    [zlib.compress(tile) for tile in tiles])
decode_case("tiles-16.tif", (wide[:35, :30] >> 8).astype(np.uint8)[None, ..., None])
four = grey[:, :22] & 0xF0
big_endian_tiff(
    "inverted-4.tif", 22, 15, {258: [4], 259: [1], 262: [0], 277: [1], 278: [15]},
    [(four[:, 0::2] | four[:, 1::2] >> 4).astype(np.uint8).tobytes()])
decode_case("inverted-4.tif", (255 - (four >> 4) * 17).astype(np.uint8)[None, ..., None])

# Resizing

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def resized(image, size, resample):
    """Rows first, as Pillow always did before version 13, which takes columns first for some shapes."""
    return image.resize((size[0], image.height), resample).resize(size, resample)


SIZES = {
    "colour.png": [(16, 9), (31, 29), (33, 11), (7, 25), (1, 1), (70, 3)],
    "grey.png": [(13, 40), (44, 2)],
}
for source, sizes in SIZES.items():
    for width, height in sizes:
        for interpolation, resample in FILTERS.items():
            expected = pixels_of(resized(opened(source), (width, height), resample))
            name = save_npy(f"{pathlib.Path(source).stem}-{width}x{height}-{interpolation}.npy", expected)
            cases["resize"].append({
                "source": source, "width": width, "height": height, "interpolation": interpolation, "expected": name})

# Preprocessing

IMAGENET = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}


def nearest(numerator, denominator):
    return round(fractions.Fraction(numerator, denominator))  # halves to even


def preprocessed(image, settings):
    """u8 HWC as PREPROCESS.md says, with Pillow doing the work."""
    image = image.convert("L" if settings["channels"] == "grey" else "RGB")
    resample = FILTERS[settings["interpolation"]]
    (width, height), target = image.size, (settings["width"], settings["height"])
    resize = settings["resize"]
    library = resize.get("rounding")
    if resize["mode"] == "shorterSide":
        shorter, length = min(width, height), resize["length"]
        # torchvision and transformers: int(size * long / short)
        side = (lambda extent: length * extent // shorter) if library else (lambda extent: nearest(extent * length, shorter))
        image = resized(image, (side(width), side(height)), resample)
    elif resize["mode"] == "stretch":
        image = resized(image, (resize.get("width", target[0]), resize.get("height", target[1])), resample)
    elif resize["mode"] == "letterbox":
        ratio = (target[0], width) if target[0] * height <= target[1] * width else (target[1], height)
        image = resized(image, (nearest(width * ratio[0], ratio[1]), nearest(height * ratio[0], ratio[1])), resample)
        frame = Image.new(image.mode, target, (resize["fill"],) * len(image.getbands()))
        frame.paste(image, ((target[0] - image.width) // 2, (target[1] - image.height) // 2))
        image = frame
    # torchvision's center_crop rounds, the others divide down.
    margin = (lambda rest: round(rest / 2)) if library == "torchvision" else (lambda rest: rest // 2)
    left, top = margin(image.width - target[0]), margin(image.height - target[1])
    assert left >= 0 and top >= 0
    image = image.crop((left, top, left + target[0], top + target[1]))
    pixels = np.asarray(image).reshape(target[1], target[0], -1)
    return pixels[..., ::-1] if settings["channels"] == "BGR" else pixels


def settings(width, height, resize, channels="RGB", interpolation="bilinear", **statistics):
    return {
        "width": width, "height": height, "channels": channels, "resize": resize, "interpolation": interpolation,
        **(statistics or IMAGENET)}


for number, (source, how) in enumerate([
    ("colour.png", settings(14, 14, {"mode": "shorterSide", "length": 17})),
    ("colour.png", settings(15, 10, {"mode": "shorterSide", "length": 16}, "BGR", mean=[104, 117, 123], std=[1, 1, 1])),
    ("colour.png", settings(12, 9, {"mode": "stretch"}, "grey", "bicubic", mean=[127.5], std=[127.5])),
    ("grey.png", settings(12, 9, {"mode": "stretch"}, interpolation="bicubic")),
    ("colour.png", settings(16, 16, {"mode": "letterbox", "fill": 128})),
    ("colour.png", settings(33, 15, {"mode": "letterbox", "fill": 7}, "grey", mean=[0], std=[255])),
    ("colour.png", settings(8, 9, {"mode": "none"})),
    ("orientation-6.jpg", settings(6, 9, {"mode": "shorterSide", "length": 7}, interpolation="bicubic")),
    ("colour.png", settings(14, 14, {"mode": "shorterSide", "length": 17, "rounding": "torchvision"})),
    ("colour.png", settings(14, 12, {"mode": "shorterSide", "length": 15, "rounding": "transformers"})),
    ("colour.png", settings(14, 13, {"mode": "stretch", "width": 17, "height": 16}, interpolation="bicubic")),
    ("colour.png", settings(30, 22, {"mode": "stretch", "width": 33, "height": 25, "rounding": "torchvision"})),
]):
    pixels = preprocessed(ImageOps.exif_transpose(opened(source)), how)
    mean, std = (np.array(how[key], np.float32) for key in ("mean", "std"))
    tensor = ((pixels.astype(np.float32) - mean) / std).transpose(2, 0, 1)[None]
    assert tensor.dtype == np.float32
    cases["preprocess"].append({
        "source": source, "preprocessing": how,
        "pixels": save_npy(f"preprocess-{number}-u8.npy", pixels[None]),
        "tensor": save_npy(f"preprocess-{number}-f32.npy", tensor)})

def lines(values):
    return "[\n" + ",\n".join(json.dumps(value) for value in values) + "]" if isinstance(values, list) else json.dumps(values)


text = ",\n".join(f'"{key}": {lines(values)}' for key, values in cases.items())
(HERE / "cases.json").write_text("{" + text + "}\n")


# Photographs


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:8]


def shared_digests(images, step):
    """First 8 hexadecimal digits of SHA-256 of the pixels: decoded, as for ImageNet, and 96x96 bicubic."""
    imagenet = settings(224, 224, {"mode": "shorterSide", "length": 256})
    stretched = settings(96, 96, {"mode": "stretch"}, interpolation="bicubic")
    digests = {}
    for path in sorted(path for path in images.rglob("*") if path.suffix in (".jpg", ".png"))[::step]:
        image = ImageOps.exif_transpose(Image.open(path))
        digests[str(path.relative_to(images))] = [
            digest(np.asarray(image)), digest(preprocessed(image, imagenet)), digest(preprocessed(image, stretched))]
    return digests


if len(sys.argv) > 1:
    step = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    rows = shared_digests(pathlib.Path(sys.argv[1]) / "images", step).items()
    text = ",\n".join(f" {json.dumps(name)}: {json.dumps(values)}" for name, values in rows)
    (HERE / "shared-pictures.json").write_text("{\n" + text + "\n}\n")
