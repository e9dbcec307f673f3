"""The demo's pictures as arrays."""

import json

import numpy
from PIL import Image

from service import DEMO


def pixels(picture):
    """u8 [1, 64, 64, 3]"""
    return numpy.asarray(Image.open(picture).convert("RGB"), dtype=numpy.uint8)[None]


def normalised(picture):
    """f32 [1, 3, 64, 64], as the demo's preprocess.json says."""
    form = json.loads((DEMO / "preprocess.json").read_text())
    mean, std = numpy.float32(form["mean"]), numpy.float32(form["std"])
    return ((pixels(picture).astype(numpy.float32) - mean) / std).transpose(0, 3, 1, 2).copy()
