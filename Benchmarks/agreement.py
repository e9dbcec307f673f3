# SPDX-License-Identifier: Apache-2.0
"""How often the answers in bf16 or int8 agree with those in f32: ours and OpenVINO's, on the same photographs.

Half of the photographs, 64 at most, calibrate both engines; the answers are compared on the others.
"""

import json
import pathlib
import shutil
import subprocess

import numpy

CALIBRATION = 64
# The minimum number of pictures for an agreement.
FEWEST = 20
# Folders of the shared images with pictures like a network's training pictures.
PICTURES = {
    "resnet20-cifar10": ["cifar10"], "resnet56-cifar10": ["cifar10"], "malaria-cells": ["malaria"],
    "squeezenet-1.1": ["imagenet"], "squeezenet-1.0-deep-compression": ["imagenet"], "mobilenet-v2-1.0": ["imagenet"],
    "mobilenet-v1-0.25": ["imagenet"], "tiny-darknet": ["imagenet"], "vww-person-96": ["imagenet"],
}


class Photographs:
    """Two folders of photographs for one model, and both as the network takes them: `[n, 3, height, width]`, f32."""

    def __init__(self, program, model, images, folder):
        folder = pathlib.Path(folder)
        folders = [images / name for name in PICTURES.get(model.parent.name, [])]
        files = sorted(path for pictures in folders for path in pictures.glob("*"))
        self.count = len(files) - min(CALIBRATION, len(files) // 2)
        if self.count < FEWEST or not (model.parent / "preprocess.json").exists():
            raise LookupError("no photographs for this model")
        # Every second one, so that classes in order of their names are on both sides.
        chosen = set(files[::2][:CALIBRATION])
        self.calibration, self.others = folder / "calibration", folder / "others"
        for path in files:
            target = self.calibration if path in chosen else self.others
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        self.tensors = {}
        for part in (self.calibration, self.others):
            self.tensors[part] = folder / f"{part.name}.npy"
            numpy.save(self.tensors[part], self._tensor(program, model, part, folder / f"{part.name}-features"))

    @staticmethod
    def _tensor(program, model, pictures, out):
        """The pictures as our preprocessing resizes and crops them, normalised as preprocess.json says."""
        cuts = json.loads(checked([program, "inspect", model, "--json"]))["cuts"]
        cut = next(cut["name"] for cut in reversed(cuts) if cut["usable"])
        checked([
            program, "features", model, "--preprocess", model.parent / "preprocess.json", "--cut", cut, "--images", pictures,
            "--decoder-images", "1000", "--out", out])
        pixels = numpy.load(out / "pictures.npy").astype("f4")
        stated = json.loads((model.parent / "preprocess.json").read_text())
        mean, deviation = (numpy.array(stated[key], "f4") for key in ("mean", "std"))
        return numpy.ascontiguousarray(((pixels - mean) / deviation).transpose(0, 3, 1, 2))


def ours(program, model, precision, photographs):
    """The share of the other photographs whose first class in `precision` is that in f32, 0 to 1."""
    report = json.loads(checked([
        program, "bench", model, "--precision", precision, "--calibration", photographs.calibration, "--accuracy",
        photographs.others, "--runs", "1", "--json"]))
    return report["accuracy"]["top1Agreement"]


def theirs(classes, exact):
    """The same from two lists of classes."""
    return float(numpy.mean(numpy.load(classes) == numpy.load(exact)))


def checked(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError((done.stderr.strip() or f"{command[0]} ended with {done.returncode}").splitlines()[-1])
    return done.stdout
