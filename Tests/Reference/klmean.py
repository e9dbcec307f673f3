# SPDX-License-Identifier: Apache-2.0
"""Channel KL of Tier 1, computed with ONNX Runtime and numpy, apart from the Swift code.

    python klmean.py --model M.onnx --preprocess M.json --validator V.onnx --validator-preprocess V.json \
        --images FOLDER --count 60 --cut NAME=TENSOR[,TENSOR...] [--cut ...] --out klmean.json

Definition. F is the validator's class distribution. For picture x and cut c, every channel of every tensor that
crosses c becomes one IR image: the channel's map is min-max normalised to [0, 1] (a constant map becomes zeros),
resized bilinearly to the validator's input (half-pixel centres, clamped edges, no antialiasing), copied to the
validator's channels, scaled to 0...255 (not rounded) and normalised by the validator's mean and std.

    own(x)      = min over IR images j of x of KL(F(x) || F(IR_j))          natural logarithm, F(IR_j) floored at 1e-12
    null(x, y)  = the same minimum over the IR images of picture y, still against F(x), y being one of the next 59 pictures
                  (cyclic), or all others where there are fewer
    next(x)     = null(x, y) of the next picture
    baseline(x) = KL(F(x) || uniform) = ln C - H(F(x))
    klMean, klMedian, baselineMean: over pictures; klNullMean: over pictures and their nulls
    klPassFraction = share of pictures with own(x) > baseline(x)
    klAUC       = share of the nulls of one picture that are above its own, ties counting half; mean over pictures
    klAUCError  = standard error of that mean over pictures, at least sqrt((m + 2) / (12 m n)) for m nulls of n pictures
    klAUCPooled = share of pairs (own of any picture, null of any picture) with own < null, ties counting half
    klTop1      = share of pictures y whose IR images are nearer to F(y) than to F(x) of each x that has null(x, y)

Pictures are not filtered by the validator's confidence. x reaches the validator through the validator's own
preprocessing of the file, and the model through the model's.
"""

import argparse
import hashlib
import json
import pathlib
import sys
import time

import numpy as np
import onnxruntime
import PIL

from pictures_and_models import (
    bilinear_matrix,
    cropped_pixels,
    load_session,
    normalised,
    picture_files,
    probabilities,
    read_preprocess,
)

FLOOR = 1e-12
CANDIDATES = 60


def ir_images(tensors, spec):
    """The IR images of one picture, pixels 0...255, float32 [channels of all tensors, H, W, 1]."""
    images = []
    for tensor in tensors:
        maps = tensor[0].astype(np.float64)
        low = maps.min(axis=(1, 2), keepdims=True)
        span = maps.max(axis=(1, 2), keepdims=True) - low
        unit = np.where(span > 0, (maps - low) / np.where(span > 0, span, 1), 0)
        rows = bilinear_matrix(maps.shape[1], spec["height"])
        columns = bilinear_matrix(maps.shape[2], spec["width"])
        images.append(rows @ unit @ columns.T)
    return (255 * np.concatenate(images)).astype(np.float32)[..., None]


def divergence(p, q):
    """KL(p || q) in nats for one p [C] and many q [n, C]."""
    entropy = np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0).sum()
    return entropy - np.log(np.maximum(q, FLOOR)) @ p


def area_under_curve(own, null):
    difference = null[None, :] - own[:, None]
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))


def summary(name, tensors, channels, table, argmin, baseline):
    """The numbers of one cut; table[x, y] is the minimum of picture x over the IR images of picture y, NaN where unused."""
    n = len(table)
    own = table.diagonal()
    nulls = np.where(np.eye(n, dtype=bool), np.nan, table)
    count = np.isfinite(nulls).sum(axis=1)
    above = ((nulls > own[:, None]) + 0.5 * (nulls == own[:, None])).sum(axis=1) / count
    chance = np.sqrt((count[0] + 2) / (12 * count[0] * n))
    return {
        "name": name,
        "tensors": tensors,
        "channels": channels,
        "klMean": float(own.mean()),
        "klMedian": float(np.median(own)),
        "klPassFraction": float(np.mean(own > baseline)),
        "klNullMean": float(np.nanmean(nulls)),
        "klAUC": float(above.mean()),
        "klAUCError": float(max(above.std(ddof=1) / np.sqrt(n), chance)),
        "klAUCPooled": area_under_curve(own, nulls[np.isfinite(nulls)]),
        "klTop1": float(np.mean(own < np.nanmin(nulls, axis=0))),
        "own": own.round(6).tolist(),
        "next": np.roll(table, -1, axis=1).diagonal().round(6).tolist(),
        "closestChannel": argmin,
    }


def measure(arguments):
    cuts = [(name, tensors.split(",")) for name, tensors in (cut.split("=", 1) for cut in arguments.cut)]
    wanted = sorted({tensor for _, tensors in cuts for tensor in tensors})
    model = load_session(arguments.model, wanted)
    validator = load_session(arguments.validator)
    model_spec = read_preprocess(arguments.preprocess)
    validator_spec = read_preprocess(arguments.validator_preprocess)
    copies = 1 if validator_spec["channels"] == "grey" else 3
    files = picture_files(arguments.images, arguments.count)

    def prepared(spec):
        return normalised(np.stack([cropped_pixels(file, spec) for file in files]), spec)

    truth = probabilities(validator, prepared(validator_spec))
    entropy = -np.where(truth > 0, truth * np.log(np.where(truth > 0, truth, 1)), 0).sum(axis=1)
    baseline = np.log(truth.shape[1]) - entropy
    inputs = prepared(model_spec)

    distributions = {name: [] for name, _ in cuts}
    started = time.monotonic()
    for index in range(len(files)):
        values = model.run(wanted, {model.get_inputs()[0].name: inputs[index : index + 1]})
        crossing = dict(zip(wanted, values))
        for name, tensors in cuts:
            pixels = ir_images([crossing[tensor] for tensor in tensors], validator_spec)
            fed = normalised(np.repeat(pixels, copies, axis=3), validator_spec)
            distributions[name].append(probabilities(validator, fed))
        print(f"{index + 1}/{len(files)} pictures, {time.monotonic() - started:.0f} s", file=sys.stderr)

    results = []
    for name, tensors in cuts:
        parts = distributions[name]
        table = np.full((len(files), len(files)), np.nan)
        for x in range(len(files)):
            for distance in range(min(CANDIDATES, len(files))):
                y = (x + distance) % len(files)
                table[x, y] = divergence(truth[x], parts[y]).min()
        closest = [int(divergence(truth[x], parts[x]).argmin()) for x in range(len(files))]
        results.append(summary(name, tensors, len(parts[0]), table, closest, baseline))
    return files, baseline, results


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("model", "preprocess", "validator", "validator-preprocess", "images", "out"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("--count", type=int, help="how many pictures, in order of file name; default all")
    parser.add_argument("--cut", action="append", required=True, metavar="NAME=TENSOR[,TENSOR...]")
    arguments = parser.parse_args()
    files, baseline, results = measure(arguments)
    document = {
        "computedBy": "Tests/Reference/klmean.py",
        "versions": {"onnxruntime": onnxruntime.__version__, "numpy": np.__version__, "Pillow": PIL.__version__},
        "model": {"sha256": digest(arguments.model)},
        "validator": {"sha256": digest(arguments.validator)},
        "images": len(files),
        "files": [file.name for file in files],
        "baselineMean": float(baseline.mean()),
        "baseline": baseline.round(6).tolist(),
        "cuts": results,
    }
    text = json.dumps(document, indent=1)
    pathlib.Path(arguments.out).write_text(text + "\n")
    for cut in results:
        keys = ("klMean", "klMedian", "klPassFraction", "klNullMean", "klAUC", "klAUCError", "klAUCPooled", "klTop1")
        print(f"{cut['name']:<16}", cut["channels"], "channels", *(f"{key} {cut[key]:.4f}" for key in keys))


if __name__ == "__main__":
    main()
