"""Top five classes of photographs by Pillow and ONNX Runtime: what our own decoding, resizing and engine must give.

Usage: photographs.py SHARED > photographs.json
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

MODELS = ["mobilenet-v1-0.25", "mobilenet-v2-1.0", "squeezenet-1.0-deep-compression", "squeezenet-1.1", "tiny-darknet",
          "vww-person-96"]
PHOTOGRAPHS = ["photos/dog.jpg", "photos/eagle.jpg", "photos/grace_hopper.jpg"]


def tensor(preprocess, path):
    """The model's input as PREPROCESS.md of the shared models defines it."""
    picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    width, height = picture.size
    resize = preprocess["resize"]
    if resize["mode"] == "shorterSide":
        scale = resize["length"] / min(width, height)
        size = tuple(resize["length"] if side == min(width, height) else int(np.floor(side * scale + 0.5))
                     for side in (width, height))
        picture = picture.resize(size, Image.BILINEAR)
    elif resize["mode"] == "stretch":
        filters = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
        picture = picture.resize((preprocess["width"], preprocess["height"]), filters[preprocess["interpolation"]])
    left = (picture.size[0] - preprocess["width"]) // 2
    top = (picture.size[1] - preprocess["height"]) // 2
    picture = picture.crop((left, top, left + preprocess["width"], top + preprocess["height"]))
    pixels = np.asarray(picture, dtype=np.float32)
    if preprocess["channels"] == "BGR":
        pixels = pixels[..., ::-1]
    values = (pixels - np.float32(preprocess["mean"])) / np.float32(preprocess["std"])
    return values.transpose(2, 0, 1)[None].astype(np.float32)


def main(shared):
    answers = {}
    for model in MODELS:
        with open(f"{shared}/models/{model}/preprocess.json") as file:
            preprocess = json.load(file)
        session = onnxruntime.InferenceSession(f"{shared}/models/{model}/model.onnx")
        name = session.get_inputs()[0].name
        for photograph in PHOTOGRAPHS:
            output = session.run(None, {name: tensor(preprocess, f"{shared}/images/{photograph}")})[0].ravel()
            output = output.astype(np.float64)
            if session.get_outputs()[0].name == "logits":
                output = np.exp(output - output.max())
                output /= output.sum()
            best = np.argsort(-output)[:5]
            answers.setdefault(model, {})[photograph] = [
                {"index": int(index), "probability": round(float(output[index]), 6)} for index in best]
    json.dump(answers, sys.stdout, indent=1)
    print()


main(sys.argv[1])
