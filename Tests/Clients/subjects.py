# SPDX-License-Identifier: Apache-2.0
"""The test pictures: ten photographs for a network trained on photographs, or, if there are none, the demo's ten
pictures.

The photographs are those of the folder that INFENCLAVE_SHARED names (`images`, `models`), else of `shared` beside the
repository. Without them INFENCLAVE_SHARED_REQUIRED=1 is an error. Ten are taken that ONNX Runtime classifies rightly with the same
network, spread over the classes.
"""

import dataclasses
import json
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("INFENCLAVE_SHARED") or ROOT.parent / "shared")
NETWORK = "mobilenet-v2-1.0"


@dataclasses.dataclass(frozen=True)
class Subject:
    what: str
    model: Path
    labels: Path
    # The last layer inside, of FrontNet and mapping unit: all is inside.
    cut: tuple
    # Of preprocess.json.
    form: dict
    # Each picture's class, as the file of labels writes it.
    expected: dict

    @property
    def name(self):
        """The proxy's name of the model."""
        return self.model.stem

    @property
    def pictures(self):
        return list(self.expected)

    @property
    def classes(self):
        return self.labels.read_text().rstrip("\n").split("\n")


def demo():
    """One picture of each class; its name without the number is the class."""
    folder = ROOT / "Examples" / "demo"
    labels = (folder / "labels.txt").read_text().split("\n")
    pictures = sorted((folder / "pictures").glob("*.png"))[:10]
    return Subject(
        "the demo's pictures", folder / "classifier.onnx", folder / "labels.txt", ("prob", "prob"),
        json.loads((folder / "preprocess.json").read_text()),
        {picture: next(label for label in labels if label.lower().replace(" ", "-") == picture.stem.split("-", 1)[1])
         for picture in pictures})


def photographs():
    """None where there are none; an error if INFENCLAVE_SHARED_REQUIRED is set."""
    folder, labels = SHARED / "models" / NETWORK, SHARED / "models" / "labels" / "imagenet-1k.txt"
    listed, evaluated = SHARED / "images" / "labels.json", SHARED / "models" / "evaluation.json"
    missing = [file for file in (folder / "model.onnx", labels, listed, evaluated) if not file.exists()]
    if missing:
        if os.environ.get("INFENCLAVE_SHARED_REQUIRED"):
            raise FileNotFoundError(f"INFENCLAVE_SHARED_REQUIRED is set, and {missing[0]} is missing")
        return None
    predicted = json.loads(evaluated.read_text())["models"][NETWORK]["predicted"]
    right = [photograph for photograph in json.loads(listed.read_text())["imagenet"]
             if predicted.get(photograph["file"]) == photograph["class_id"]]
    classes = labels.read_text().split("\n")
    return Subject(
        f"photographs of {SHARED / 'images'}", folder / "model.onnx", labels, None,
        json.loads((folder / "preprocess.json").read_text()),
        {SHARED / "images" / one["file"]: classes[one["class_id"]] for one in right[::len(right) // 10][:10]})


DEMO = demo()
SUBJECT = photographs() or DEMO
