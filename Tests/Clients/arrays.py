# SPDX-License-Identifier: Apache-2.0
"""Pictures as arrays, resized and cropped as by a program that sends tensors."""

import io

import numpy
from PIL import Image

from subjects import SUBJECT


def pixels(picture):
    """u8 [1, height, width, 3], as the model's preprocess.json says."""
    form = SUBJECT.form
    image = Image.open(picture).convert("RGB")
    if form["resize"]["mode"] == "shorterSide":
        scale = form["resize"]["length"] / min(image.size)
        image = image.resize([round(side * scale) for side in image.size], Image.Resampling.BILINEAR)
    left, top = (image.width - form["width"]) // 2, (image.height - form["height"]) // 2
    image = image.crop((left, top, left + form["width"], top + form["height"]))
    return numpy.asarray(image, dtype=numpy.uint8)[None]


def normalised(picture):
    """f32 [1, 3, height, width]."""
    mean, std = numpy.float32(SUBJECT.form["mean"]), numpy.float32(SUBJECT.form["std"])
    return ((pixels(picture).astype(numpy.float32) - mean) / std).transpose(0, 3, 1, 2).copy()


def jpeg(picture):
    """The bytes of a JPEG: the file itself, or what is made of it."""
    if picture.suffix == ".jpg":
        return picture.read_bytes()
    file = io.BytesIO()
    Image.open(picture).convert("RGB").save(file, "JPEG", quality=95)
    return file.getvalue()
