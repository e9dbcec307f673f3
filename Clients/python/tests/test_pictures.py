# SPDX-License-Identifier: Apache-2.0
"""Pictures, against the vectors of Tests/ImagingTests."""

import io
import json

import numpy as np
import pytest
from conftest import PACKAGE
from PIL import Image

from infenclave import InvalidInput, InvalidResponse, Preprocessing
from infenclave._pictures import _resized, decode

FIXTURES = PACKAGE / "Tests/ImagingTests/Fixtures"
CASES = json.loads((FIXTURES / "cases.json").read_bytes())


def array(image):
    return np.asarray(image).reshape(1, image.height, image.width, -1)


def largest(one, other):
    assert one.shape == other.shape
    return np.abs(one.astype(int) - other.astype(int)).max()


@pytest.mark.parametrize("case", CASES["decode"], ids=lambda case: case["file"])
def test_a_picture_decodes_to_the_pixels_of_the_vectors(case):
    found, expected = array(decode(str(FIXTURES / case["file"]))), np.load(FIXTURES / case["expected"])
    # Lossy decoders of different versions may round differently.
    assert largest(found, expected) <= (1 if case["file"].endswith(".jpg") or case["file"] == "lossy.webp" else 0)


@pytest.mark.parametrize("case", CASES["resize"], ids=lambda case: case["expected"])
def test_a_resized_picture_has_the_pixels_of_the_vectors(case):
    image = _resized(decode(FIXTURES / case["source"]), case["width"], case["height"], case["interpolation"])
    assert largest(array(image), np.load(FIXTURES / case["expected"])) == 0


@pytest.mark.parametrize("case", CASES["preprocess"], ids=lambda case: case["pixels"])
def test_a_preprocessed_picture_has_the_pixels_of_the_vectors(case):
    found = Preprocessing.from_manifest(case["preprocessing"]).pixels((FIXTURES / case["source"]).read_bytes())
    assert found.dtype == np.uint8
    assert largest(found, np.load(FIXTURES / case["pixels"])) <= (1 if case["source"].endswith(".jpg") else 0)


def settings(**members):
    return Preprocessing.from_manifest({
        "width": 9, "height": 5, "channels": "grey", "interpolation": "bilinear", "mean": [0], "std": [1],
        "resize": {"mode": "none"}, **members})


@pytest.mark.parametrize("resize", [
    {"mode": "fit"}, {"mode": "none", "length": 9}, {"mode": "letterbox", "fill": 0, "rounding": "torchvision"},
    {"mode": "shorterSide", "length": 9, "rounding": "timm"},
    {"mode": "stretch", "width": 9, "height": 9, "rounding": "timm"}, {"mode": "stretch", "length": 9},
])
def test_a_resize_that_is_not_known_is_refused(resize):
    with pytest.raises(InvalidResponse, match="not known"):
        settings(resize=resize)


def test_a_strip_fits_in_a_letterbox_with_at_least_one_row():
    strip = np.full((1, 900), 200, np.uint8)
    for resize, fill in [({"mode": "letterbox", "fill": 3}, 3), ({"mode": "darknetLetterbox"}, 128)]:
        pixels = settings(resize=resize).pixels(strip)
        assert pixels[0, :, 0, 0].tolist() == [fill, fill, 200, fill, fill]


def test_every_kind_of_source_gives_the_same_pixels():
    path = FIXTURES / "colour.png"
    image = Image.open(path)
    sources = [path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), image, np.asarray(image)]
    assert all(largest(array(decode(source)), array(image)) == 0 for source in sources)


@pytest.mark.parametrize("source, complaint", [
    (b"", "no JPEG"), (b"GIF89a", "no JPEG"), (FIXTURES / "cases.json", "no JPEG"), ("/nowhere.png", "opened"),
    ((FIXTURES / "colour-420.jpg").read_bytes()[:300], "opened|damaged"), (FIXTURES / "animation.webp", "animation"),
    (np.zeros((3, 4), np.float32), "no picture"), (np.zeros((3, 4, 4), np.uint8), "no picture"),
    (np.zeros((0, 4), np.uint8), "0 pixels|4x0"), (Image.new("F", (3, 3)), "floats"),
])
def test_what_is_no_picture_is_refused(source, complaint):
    with pytest.raises(InvalidInput, match=complaint):
        decode(source)


def test_a_picture_smaller_than_the_crop_or_too_large_between_is_refused():
    with pytest.raises(InvalidInput, match="3x3"):
        settings().pixels(np.zeros((3, 3), np.uint8))
    with pytest.raises(InvalidInput, match="between"):
        settings(resize={"mode": "shorterSide", "length": 64}).pixels(np.zeros((1, 60_000), np.uint8))
