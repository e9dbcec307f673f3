# SPDX-License-Identifier: Apache-2.0
"""Reading pictures and running ONNX models, for the reference computations in this folder.

Nothing here is shared with the Swift code: Pillow decodes and resizes, ONNX Runtime computes.
"""

import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from PIL import Image, ImageOps

RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def picture_files(folder, count=None):
    """The pictures of a folder, sorted by file name; the first `count` of them."""
    files = sorted(p for p in pathlib.Path(folder).iterdir() if p.suffix.lower() in SUFFIXES)
    return files[:count]


def read_preprocess(path):
    return json.loads(pathlib.Path(path).read_text())


def cropped_pixels(file, spec):
    """uint8 [height, width, channels] after decoding, resizing and centre cropping, before normalisation."""
    picture = ImageOps.exif_transpose(Image.open(file))
    if "A" in picture.getbands():
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, (0, 0, 0, 255)), picture)
    picture = picture.convert("L" if spec["channels"] == "grey" else "RGB")
    width, height, resize = spec["width"], spec["height"], spec["resize"]
    resampling = RESAMPLING[spec["interpolation"]]
    if resize["mode"] == "stretch":
        picture = picture.resize((width, height), resampling)
    elif resize["mode"] == "shorterSide":
        factor = resize["length"] / min(picture.size)
        picture = picture.resize(tuple(round(side * factor) for side in picture.size), resampling)
    elif resize["mode"] != "none":
        raise ValueError(f"resize mode '{resize['mode']}' is not needed by the references")
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    pixels = np.asarray(picture.crop((left, top, left + width, top + height)))
    return pixels[..., None] if pixels.ndim == 2 else pixels


def normalised(pixels, spec):
    """float32 [N, C, H, W] from pixels [N, H, W, C] in 0...255, channels in RGB order."""
    fed = pixels[..., ::-1] if spec["channels"] == "BGR" else pixels
    values = (fed.astype(np.float32) - np.float32(spec["mean"])) / np.float32(spec["std"])
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2))


def load_session(path, tensors=()):
    """A one-thread session of the model that also gives the named inner tensors."""
    model = onnx.load(path)
    present = {output.name for output in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in tensors if name not in present)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def probabilities(session, values, batch=32):
    """Class probabilities in float64; softmax is applied where the model gives logits."""
    name = session.get_inputs()[0].name
    parts = [session.run(None, {name: values[i : i + batch]})[0] for i in range(0, len(values), batch)]
    scores = np.concatenate(parts).reshape(len(values), -1).astype(np.float64)
    if scores.min() < -1e-4 or np.abs(scores.sum(axis=1) - 1).max() > 1e-3:
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        scores /= scores.sum(axis=1, keepdims=True)
    return scores


def bilinear_matrix(source, target):
    """[target, source] weights: half-pixel centres, edges clamped, no antialiasing."""
    position = (np.arange(target) + 0.5) * source / target - 0.5
    low = np.floor(position).astype(int)
    fraction = position - low
    matrix = np.zeros((target, source))
    rows = np.arange(target)
    np.add.at(matrix, (rows, np.clip(low, 0, source - 1)), 1 - fraction)
    np.add.at(matrix, (rows, np.clip(low + 1, 0, source - 1)), fraction)
    return matrix
