# SPDX-License-Identifier: Apache-2.0
"""Top five classes of photographs by Pillow and ONNX Runtime: what our own decoding, resizing and engine must give.

Usage: photographs.py SHARED > photographs.json
"""

import json
import sys

import numpy as np
import onnxruntime

from pictures_and_models import cropped_pixels, normalised, read_preprocess

MODELS = ["mobilenet-v1-0.25", "mobilenet-v2-1.0", "squeezenet-1.0-deep-compression", "squeezenet-1.1", "tiny-darknet",
          "vww-person-96"]
PHOTOGRAPHS = ["photos/dog.jpg", "photos/eagle.jpg", "photos/grace_hopper.jpg"]


def main(shared):
    answers = {}
    for model in MODELS:
        preprocess = read_preprocess(f"{shared}/models/{model}/preprocess.json")
        session = onnxruntime.InferenceSession(f"{shared}/models/{model}/model.onnx")
        name = session.get_inputs()[0].name
        for photograph in PHOTOGRAPHS:
            pixels = cropped_pixels(f"{shared}/images/{photograph}", preprocess)
            output = session.run(None, {name: normalised(pixels[None], preprocess)})[0].ravel().astype(np.float64)
            if session.get_outputs()[0].name == "logits":
                output = np.exp(output - output.max())
                output /= output.sum()
            best = np.argsort(-output)[:5]
            answers.setdefault(model, {})[photograph] = [
                {"index": int(index), "probability": round(float(output[index]), 6)} for index in best]
    json.dump(answers, sys.stdout, indent=1)
    print()


main(sys.argv[1])
