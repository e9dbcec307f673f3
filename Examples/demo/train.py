# SPDX-License-Identifier: Apache-2.0
"""Draws the demo's pictures, trains its classifier and its validator, and writes all generated files of this folder.

    python train.py            everything, about eight minutes on two cores
    python train.py pictures   only the pictures (also: classifier, validator)

The same seeds give the same pictures. The weights repeat on the same machine and library versions only: another
processor may add in another order.
"""

import json
import pathlib
import shutil
import sys

import numpy as np
import onnxruntime
from PIL import Image

import models
import training
from scenes import draw_picture
from signs import SIGNS

HERE = pathlib.Path(__file__).resolve().parent
SIDE, CLASSES, SEED = 64, len(SIGNS), 20180703
NO_SIGN = CLASSES
# Every set of pictures has a different random stream, so no picture is in two of them.
CLASSIFIER_SET, VALIDATOR_SET, TEST_SET, ASSESSMENT_SET, CLIENT_SET = range(5)
CLIENT_PICTURES = [("stop", 0, 6), ("speed-limit-30", 3, 1), ("pedestrian-crossing", 8, 4)]


def stream(set_number, index):
    return np.random.default_rng([SEED, set_number, index])


def draw_set(set_number, count, empty_share=0.0):
    """uint8 [count, 64, 64, 3] and int32 labels; the first part of the pictures shows no sign."""
    print(f"drawing {count} pictures", flush=True)
    empty = int(count * empty_share)
    labels = [NO_SIGN if i < empty else i % CLASSES for i in range(count)]
    pictures = [draw_picture(stream(set_number, i), None if c == NO_SIGN else c) for i, c in enumerate(labels)]
    return np.stack(pictures), np.int32(labels)


def write_pictures():
    for folder in ("pictures", "client"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
        (HERE / folder).mkdir()
    for index in range(120):
        sign = index % CLASSES
        picture = draw_picture(stream(ASSESSMENT_SET, index), sign, scale=(0.45, 0.75))
        name = SIGNS[sign][0].lower().replace(" ", "-")
        Image.fromarray(picture).save(HERE / "pictures" / f"{index:03d}-{name}.png", optimize=True)
    for name, sign, index in CLIENT_PICTURES:
        picture = draw_picture(stream(CLIENT_SET, index), sign, 256, 4, (0.6, 0.75), calm=True)
        Image.fromarray(picture).save(HERE / "client" / f"{name}.png", optimize=True)
    (HERE / "labels.txt").write_text("".join(f"{name}\n" for name, _ in SIGNS))
    preprocess = {
        "width": SIDE,
        "height": SIDE,
        "channels": "RGB",
        "resize": {"mode": "stretch"},
        "interpolation": "bilinear",
        "mean": [training.MEAN] * 3,
        "std": [training.DEVIATION] * 3,
    }
    (HERE / "preprocess.json").write_text(json.dumps(preprocess, indent=1) + "\n")


def export_checked(net, parameters, statistics, name, pictures, labels):
    """Writes the ONNX file and compares it with JAX on the test pictures; prints the accuracy of the file."""
    path = HERE / f"{name}.onnx"
    net.save(path, parameters, statistics)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    values = training.normalised(pictures.astype(np.float32))
    answers = session.run(None, {"input": np.ascontiguousarray(values.transpose(0, 3, 1, 2))})[0]
    logits = np.asarray(net.forward(parameters, statistics, values)[0], np.float64)
    expected = np.exp(logits - logits.max(1, keepdims=True))
    expected /= expected.sum(1, keepdims=True)
    error = np.abs(answers - expected).max()
    if not error < 1e-5:
        raise SystemExit(f"{path.name}: ONNX Runtime differs from JAX by {error:.1e}, allowed 1e-5")
    accuracy = np.mean(answers.argmax(1) == labels)
    print(f"{path.name}: {path.stat().st_size} bytes, accuracy {accuracy:.4f}, ONNX against JAX {error:.1e}")
    for sign in range(CLASSES):
        print(f"  {SIGNS[sign][0]:<20} {np.mean(answers.argmax(1)[labels == sign] == sign):.3f}")


def train_classifier(test):
    net = models.classifier(SIDE, CLASSES, SEED + 1)
    pictures, labels = draw_set(CLASSIFIER_SET, 6000)
    trained = training.train(net, pictures, labels, 10, 1, lambda key, p, c: (training.relit(key, p), c))
    export_checked(net, *trained, "classifier", *test)


def train_validator(test):
    net = models.validator(SIDE, CLASSES + 1, SEED + 2)
    pictures, labels = draw_set(VALIDATOR_SET, 6000, empty_share=0.1)
    trained = training.train(net, pictures, labels, 14, 2, lambda k, p, c: training.as_feature_maps(k, p, c, NO_SIGN))
    export_checked(net, *trained, "validator", *test)


def main():
    wanted = sys.argv[1:] or ["pictures", "classifier", "validator"]
    if unknown := set(wanted) - {"pictures", "classifier", "validator"}:
        raise SystemExit(f"unknown part: {', '.join(sorted(unknown))}; known: pictures, classifier, validator")
    if "pictures" in wanted:
        write_pictures()
    if {"classifier", "validator"} & set(wanted):
        test = draw_set(TEST_SET, 1000)
        if "classifier" in wanted:
            train_classifier(test)
        if "validator" in wanted:
            train_validator(test)


if __name__ == "__main__":
    main()
