# SPDX-License-Identifier: Apache-2.0
"""`python3 Evaluation/augmentation.py`: do augmented copies of an attacker's pictures replace further pictures?

A ridge decoder learns to reconstruct pictures of 16x16 pixels from the boundary tensors of 200 pictures, of these and three
altered copies of each (mirrored, cropped to seven eighths, both), and of two and four times as many pictures. R² is measured
on 100 other pictures. Needs NumPy and Pillow, and prints one line for each cut.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image, ImageOps

import curves
import run

FEW, TEST, SIDE, FOLDS = 200, 100, 16, 5
PENALTIES = 10.0 ** np.arange(-3, 7)
CUTS = [
    ("squeezenet-1.1", "flatten_57"), ("mobilenet-v2-1.0", "average_pool_2d_62"), ("tiny-darknet", "layer20_avgpool_flat"),
    ("malaria-cells", "global_average_pooling2d_1_flatten")]


def cropped(picture):
    width, height = picture.size
    return picture.crop((width // 16, height // 16, width - width // 16, height - height // 16))


COPIES = {"mirrored": ImageOps.mirror, "cropped": cropped, "both": lambda picture: cropped(ImageOps.mirror(picture))}


def features(program, base, cut, images, out):
    """Boundary tensors, pictures and the stems of the names of their files, one row each."""
    subprocess.run(
        [program, "features", base / "model.onnx", "--preprocess", base / "preprocess.json", "--cut", cut, "--images",
         images, "--decoder-images", "1000", "--out", out], check=True, stdout=subprocess.DEVNULL)
    x = np.load(out / "features.npy")
    pictures = np.load(out / "pictures.npy", mmap_mode="r")
    small = [np.asarray(Image.fromarray(picture.squeeze()).convert("RGB").resize((SIDE, SIDE), Image.BOX)).ravel() / 255
             for picture in pictures]
    stems = [pathlib.PurePath(name).stem for name in json.loads((out / "names.json").read_text())]
    return x.reshape(len(x), -1).astype(np.float64), np.array(small), stems


def solved(kernel, y, penalty):
    return np.linalg.solve(kernel + penalty * np.trace(kernel) / len(kernel) * np.eye(len(kernel)), y)


def r_squared(x, y, groups, x_test, y_test):
    """R² on the test pictures; the penalty is that of the least error over folds, which keep copies of a picture together."""
    mean, deviation, centre = x.mean(0), x.std(0), y.mean(0)
    # Features that hardly vary among these pictures are not enlarged.
    deviation = np.maximum(deviation, 0.1 * deviation.mean())
    x, x_test = (x - mean) / deviation, (x_test - mean) / deviation
    y = y - centre
    kernel, folds = x @ x.T, groups % FOLDS
    errors = np.zeros(len(PENALTIES))
    for fold in range(FOLDS):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        for index, penalty in enumerate(PENALTIES):
            weights = solved(kernel[np.ix_(inside, inside)], y[inside], penalty)
            errors[index] += ((kernel[np.ix_(outside, inside)] @ weights - y[outside]) ** 2).sum()
    weights = solved(kernel, y, PENALTIES[errors.argmin()])
    predicted = centre + x_test @ x.T @ weights
    return 1 - ((predicted - y_test) ** 2).sum() / ((centre - y_test) ** 2).sum()


def measured(program, shared, name, cut, kind, folder):
    base = shared / "models" / name
    work = folder / f"{name}-{cut}"
    work.mkdir()
    x, y, stems = features(program, base, cut, folder / kind / "original", work / "original")
    order = np.random.default_rng(1).permutation(len(stems))
    test, rest = order[:TEST], order[TEST:]
    few = rest[:FEW]
    augmented = [features(program, base, cut, folder / kind / copy, work / copy) for copy in COPIES]
    if any(names != stems for _, _, names in augmented):
        raise run.Failed(f"{cut}: the altered copies are not those of the same pictures")
    groups = np.tile(np.arange(len(few)), 1 + len(COPIES))
    results = {
        f"{FEW}": r_squared(x[few], y[few], np.arange(len(few)), x[test], y[test]),
        "with copies": r_squared(
            np.concatenate([x[few]] + [a[few] for a, _, _ in augmented]),
            np.concatenate([y[few]] + [b[few] for _, b, _ in augmented]), groups, x[test], y[test])}
    for times in (2, 4):
        count = min(times * FEW, len(rest))
        more = rest[:count]
        results[f"{count}"] = r_squared(x[more], y[more], np.arange(count), x[test], y[test])
    return results


def measure_all(program, shared):
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        for name, cut in CUTS:
            kind = "cells" if name == "malaria-cells" else "photographs"
            if not (folder / kind).exists():
                (folder / kind / "original").mkdir(parents=True)
                curves.collect(shared, kind, folder / kind / "original", 900)
                for copy, change in COPIES.items():
                    (folder / kind / copy).mkdir()
                    for path in (folder / kind / "original").iterdir():
                        with Image.open(path) as picture:
                            change(picture.convert("RGB")).save(folder / kind / copy / f"{path.stem}.png")
            found = measured(program, shared, name, cut, kind, folder)
            print(f"{name:18} {cut:34} " + "  ".join(f"{label}: {value:.3f}" for label, value in found.items()), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=curves.ROOT / ".build/release/infenclave", help="the built infenclave")
    options = parser.parse_args()
    try:
        measure_all(options.program, run.shared_folder())
    except run.Failed as failure:
        sys.exit(f"error: {failure}")


if __name__ == "__main__":
    main()
