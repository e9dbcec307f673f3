# SPDX-License-Identifier: Apache-2.0
"""Pictures as a model takes them: decoded, resized and cropped with Pillow, as a manifest's preprocessing says."""

from __future__ import annotations

import fractions
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Union

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ._errors import InvalidInput, InvalidResponse

MAXIMUM_PIXELS = 64 << 20
MAXIMUM_SIDE = 65_535
_FORMATS = ("JPEG", "PNG", "WEBP")
_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
# The members of each mode of `resize`, besides `mode`.
_RESIZES = {
    "shorterSide": {"length", "rounding"}, "stretch": {"width", "height", "rounding"}, "letterbox": {"fill"},
    "darknetLetterbox": set[str](), "none": set[str](),
}
_ROUNDINGS = (None, "torchvision", "transformers")

Picture = Union[str, "os.PathLike[str]", bytes, BinaryIO, Image.Image, "np.ndarray[Any, Any]"]


def decode(picture: Picture) -> Image.Image:
    """The picture upright, over black where it is transparent, as L or RGB.

    Args:
        picture: A JPEG, PNG or WebP file by its path, its bytes or as a file; a ``PIL.Image``; or an array of uint8, ``[height,
            width]``, ``[height, width, 1]`` or ``[height, width, 3]`` (RGB).

    Raises:
        InvalidInput: It cannot be decoded, or is too large.
    """
    if isinstance(picture, np.ndarray):
        return _from_array(picture)
    if isinstance(picture, Image.Image):
        image = picture
    else:
        source = io.BytesIO(picture) if isinstance(picture, (bytes, bytearray, memoryview)) else picture
        try:
            image = Image.open(source, formats=_FORMATS)
        except UnidentifiedImageError:
            raise InvalidInput("this is no JPEG, PNG or WebP picture", "convert it, or pass a PIL.Image") from None
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise InvalidInput(f"the picture cannot be opened: {error}") from None
        if image.format == "WEBP" and getattr(image, "n_frames", 1) > 1:
            raise InvalidInput("the picture is an animation", "pass one of its frames as a PIL.Image")
    _check(image.width, image.height)
    try:
        upright = ImageOps.exif_transpose(image)
        return _plain(upright)
    except (OSError, ValueError, SyntaxError) as error:
        raise InvalidInput(f"the picture is damaged: {error}") from None


def _from_array(array: np.ndarray[Any, Any]) -> Image.Image:
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3)):
        raise InvalidInput(
            f"an array of {array.dtype} {list(array.shape)} is no picture",
            "a picture is uint8 [height, width], [height, width, 1] or [height, width, 3]")
    _check(array.shape[1], array.shape[0])
    return Image.fromarray(np.ascontiguousarray(array.reshape(array.shape[:2]) if array.shape[2:] == (1,) else array))


def _check(width: int, height: int) -> None:
    if width < 1 or height < 1 or max(width, height) > MAXIMUM_SIDE or width * height > MAXIMUM_PIXELS:
        raise InvalidInput(
            f"the picture has {width}x{height} pixels, or would need as many between",
            f"crop it to at most {MAXIMUM_SIDE} pixels a side and {MAXIMUM_PIXELS >> 20} million in all")


def _plain(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # 16 bits a channel: the upper 8.
        values = np.asarray(image).astype(np.int64).clip(0, 65_535) >> 8
        return Image.fromarray(values.astype(np.uint8))
    if image.mode == "F":
        raise InvalidInput("a picture of floats has no known range", "scale it to uint8")
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        is_grey = image.mode in ("L", "LA", "1")
        colour = image.convert("RGBA")
        composed = Image.alpha_composite(Image.new("RGBA", colour.size, (0, 0, 0, 255)), colour).convert("RGB")
        return composed.convert("L") if is_grey else composed
    return image.convert("L" if image.mode in ("L", "1") else "RGB")


def _rounded(numerator: int, denominator: int) -> int:
    """To nearest, halves to even."""
    return round(fractions.Fraction(numerator, denominator))


def _resized(image: Image.Image, width: int, height: int, interpolation: str) -> Image.Image:
    """Rows first, as Pillow always did before version 13, which takes columns first for some shapes."""
    _check(width, height)
    _check(width, image.height)
    resample = _FILTERS[interpolation]
    return image.resize((width, image.height), resample).resize((width, height), resample)


def _corner_aligned(image: Image.Image, width: int, height: int) -> Image.Image:
    """Bilinear between the four nearest pixels, corners on corners, as Darknet's ``resize_image``, in 32-bit floats."""
    _check(width, height)
    pixels = np.asarray(image).astype(np.float32).reshape(image.height, image.width, -1)

    def samples(extent: int, count: int) -> tuple[Any, Any, Any]:
        scale = np.float32(extent - 1) / np.float32(count - 1) if count > 1 else np.float32(0)
        place = np.minimum(np.arange(count, dtype=np.float32) * scale, np.float32(extent - 1))
        first = place.astype(np.int64)
        second, weight = np.minimum(first + 1, extent - 1), place - first.astype(np.float32)
        # The last position is the last pixel, regardless of rounding.
        first[-1], second[-1], weight[-1] = extent - 1, extent - 1, 0
        return first, second, weight.astype(np.float32)

    left, right, across = samples(image.width, width)
    above, below, down = samples(image.height, height)
    across, down = across[None, :, None], down[:, None, None]

    def between(rows: Any) -> Any:
        return pixels[rows][:, left] + across * (pixels[rows][:, right] - pixels[rows][:, left])

    top, bottom = between(above), between(below)
    result = np.floor((top + down * (bottom - top)).astype(np.float64) + 0.5).astype(np.uint8)
    return Image.fromarray(result[..., 0] if result.shape[2] == 1 else result)


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes the model's input (Documentation/deploying.md, preprocess.json)."""

    width: int
    height: int
    channels: str
    resize: Mapping[str, Any]
    interpolation: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @staticmethod
    def from_manifest(members: Mapping[str, Any]) -> Preprocessing:
        """
        Raises:
            InvalidResponse: It has a resize that this version does not know.
        """
        resize = members["resize"]
        known = _RESIZES.get(resize["mode"])
        if known is None or not resize.keys() <= {"mode", *known} or resize.get("rounding") not in _ROUNDINGS:
            raise InvalidResponse(f"the manifest has a resize that is not known: {dict(resize)}", "update infenclave")
        return Preprocessing(
            members["width"], members["height"], members["channels"], members["resize"], members["interpolation"],
            tuple(members["mean"]), tuple(members["std"]))

    def fitted(self, picture: Picture) -> Image.Image:
        """The picture as the enclave gets it, L or RGB, for people.

        Raises:
            InvalidInput: It cannot be decoded, or is too small or too large.
        """
        image = decode(picture).convert("L" if self.channels == "grey" else "RGB")
        mode, target = self.resize["mode"], (self.width, self.height)
        width, height = self._sides(image.width, image.height)
        if mode == "darknetLetterbox":
            return self._framed(_corner_aligned(image, width, height), 128)
        resized = _resized(image, width, height, self.interpolation)
        if mode == "letterbox":
            return self._framed(resized, self.resize["fill"])
        if width < target[0] or height < target[1]:
            raise InvalidInput(f"the picture has {width}x{height} pixels after resizing, the crop needs {target[0]}x{target[1]}")

        def margin(rest: int) -> int:
            return _rounded(rest, 2) if self.resize.get("rounding") == "torchvision" else rest // 2

        left, top = margin(width - target[0]), margin(height - target[1])
        return resized.crop((left, top, left + target[0], top + target[1]))

    def pixels(self, picture: Picture) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """The tensor that is encrypted: uint8 ``[1, height, width, channels]``, with the model's order of channels."""
        array = np.asarray(self.fitted(picture)).reshape(1, self.height, self.width, -1)
        return np.ascontiguousarray(array[..., ::-1] if self.channels == "BGR" else array)

    def _framed(self, image: Image.Image, fill: int) -> Image.Image:
        frame = Image.new(image.mode, (self.width, self.height), (fill,) * len(image.getbands()))
        frame.paste(image, ((self.width - image.width) // 2, (self.height - image.height) // 2))
        return frame

    def _sides(self, width: int, height: int) -> tuple[int, int]:
        mode = self.resize["mode"]
        if mode == "stretch":
            return self.resize.get("width", self.width), self.resize.get("height", self.height)
        if mode == "shorterSide":
            length, shorter = self.resize["length"], min(width, height)

            def side(extent: int) -> int:
                return length * extent // shorter if "rounding" in self.resize else _rounded(length * extent, shorter)

            return (length, side(height)) if width <= height else (side(width), length)
        if mode == "letterbox":
            if width * self.height >= height * self.width:
                return self.width, max(1, _rounded(height * self.width, width))
            return max(1, _rounded(width * self.height, height)), self.height
        if mode == "darknetLetterbox":
            if width * self.height > height * self.width:
                return self.width, max(1, height * self.width // width)
            return max(1, width * self.height // height), self.height
        return width, height
