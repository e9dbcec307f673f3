# SPDX-License-Identifier: Apache-2.0
"""Local and global ridge decoders of Tier 2, computed with numpy, apart from the Swift code.

    python ridge.py --model M.onnx --preprocess M.json --images FOLDER --side 64 --cut NAME=TENSOR[,TENSOR...] ...
        [--validator V.onnx --validator-preprocess V.json] [--out ridge.json] [--sheet ROWS.png]

Definition. Of every three pictures in order of file name, the first two train and the third tests. The target is the
cropped picture, resized to `side` (Pillow, bilinear), RGB in [0, 1].

Local decoder: every position of a map of s x s values predicts its own block of (side/s) x (side/s) pixels from the
3x3 neighbourhood (zeros outside), standardised by the training mean and standard deviation (floored at 5 % of the
median one, clipped at +-6), plus a constant; above 256 channels, 256 random orthonormal mixtures of them. Solves
(A + lambda tr(A)/p I) W = B on four fifths of the training pictures for lambda in 1e-7...1 and keeps the lambda with
the least error on the last fifth. Global decoder: dual ridge on all standardised values with the mean picture
removed; lambda by the exact leave-one-out residual. Vector cuts have only the global one.

R2 = 1 - MSE / MSE of the mean training picture; SSIM as Wang et al. 2004 (Gaussian window, sigma 1.5) per colour
plane; top-1 = share of test pictures whose reconstruction is nearest to their own picture among all test pictures;
decoder KL = mean of KL(F(x) || F(reconstruction of x)), its null with the reconstructions of all other pictures.
"""

import argparse
import json
import pathlib

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from klmean import divergence
from pictures_and_models import cropped_pixels, load_session, normalised, picture_files, probabilities, read_preprocess

LAMBDAS = 10.0 ** np.arange(-7, 1)
MOST_CHANNELS = 256


def standardised(values, reference):
    mean, deviation = reference.mean(axis=0), reference.std(axis=0)
    floor = max(0.05 * float(np.median(deviation)), 1e-12)
    return np.clip((values - mean) / np.maximum(deviation, floor), -6, 6)


def neighbourhoods(maps):
    """[N, C, s, s] to [N, s*s, 9C]."""
    count, _, height, width = maps.shape
    padded = np.pad(maps, ((0, 0), (0, 0), (1, 1), (1, 1)))
    shifts = [padded[:, :, y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return np.concatenate(shifts, axis=1).transpose(0, 2, 3, 1).reshape(count, height * width, -1)


def blocks(pictures, cells):
    count, side = pictures.shape[:2]
    block = side // cells
    split = pictures.reshape(count, cells, block, cells, block, 3).transpose(0, 1, 3, 2, 4, 5)
    return split.reshape(count, cells * cells, block * block * 3)


def unblocked(values, side):
    count, positions, _ = values.shape
    cells = round(positions**0.5)
    block = side // cells
    split = values.reshape(count, cells, cells, block, block, 3).transpose(0, 1, 3, 2, 4, 5)
    return split.reshape(count, side, side, 3)


def finer(maps, side):
    """A map larger than the pictures becomes a map of their size with more channels."""
    count, channels, size, _ = maps.shape
    factor = size // side
    split = maps.reshape(count, channels, side, factor, side, factor).transpose(0, 1, 3, 5, 2, 4)
    return split.reshape(count, channels * factor * factor, side, side)


def local_decoder(maps, pictures, train, test):
    side = pictures.shape[1]
    if maps.shape[2] > side:
        maps = finer(maps, side)
    if maps.shape[1] > MOST_CHANNELS:
        mixer = np.linalg.qr(np.random.default_rng(0).normal(size=(maps.shape[1], MOST_CHANNELS)))[0]
        maps = np.einsum("nchw,cd->ndhw", maps, mixer)
    features, targets = neighbourhoods(maps), blocks(pictures, maps.shape[2])
    width = features.shape[2]
    flat = features[train].reshape(-1, width)
    features = standardised(features.reshape(-1, width), flat).reshape(features.shape)
    features = np.concatenate([features, np.ones((*features.shape[:2], 1))], axis=2)
    fitted, held = train[: len(train) * 4 // 5], train[len(train) * 4 // 5 :]
    x, y = features[fitted].reshape(-1, width + 1), targets[fitted].reshape(-1, targets.shape[2])
    gram, cross = x.T @ x, x.T @ y
    best = None
    for weight in LAMBDAS:
        ridge = weight * np.trace(gram) / len(gram) * np.eye(len(gram))
        solution = np.linalg.solve(gram + ridge, cross)
        error = np.mean((features[held] @ solution - targets[held]) ** 2)
        if best is None or error < best[0]:
            best = (error, solution)
    return np.clip(unblocked(features[test] @ best[1], side), 0, 1)


def global_decoder(values, pictures, train, test):
    flat = standardised(values.reshape(len(values), -1), values[train].reshape(len(train), -1))
    mean = pictures[train].mean(axis=0)
    target = (pictures[train] - mean).reshape(len(train), -1)
    gram, crossed = flat[train] @ flat[train].T, flat[test] @ flat[train].T
    best = None
    for weight in 10.0 ** np.arange(-7, 4):
        inverse = np.linalg.inv(gram + weight * np.trace(gram) / len(gram) * np.eye(len(gram)))
        # The mean picture is known, so the constant takes its share of every leverage.
        leverage = np.diag(gram @ inverse) + 1 / len(gram)
        residual = (target - gram @ inverse @ target) / np.maximum(1 - leverage, 1e-9)[:, None]
        error = np.mean(residual**2)
        if best is None or error < best[0]:
            best = (error, inverse @ target)
    return np.clip(mean + (crossed @ best[1]).reshape(len(test), *pictures.shape[1:]), 0, 1)


def ssim(a, b):
    def blurred(v):
        return gaussian_filter(v, 1.5, axes=(1, 2), truncate=3.5)

    ma, mb = blurred(a), blurred(b)
    va, vb, cov = blurred(a * a) - ma**2, blurred(b * b) - mb**2, blurred(a * b) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    return np.mean((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))


def scores(decoded, truth, mean):
    baseline = np.mean((truth - mean) ** 2)
    distance = ((decoded[:, None] - truth[None]) ** 2).mean(axis=(2, 3, 4))
    return {
        "r2": float(1 - np.mean((decoded - truth) ** 2) / baseline),
        "ssim": float(ssim(decoded, truth)),
        "ssimOfMean": float(ssim(np.broadcast_to(mean, truth.shape), truth)),
        "retrievalTop1": float(np.mean(distance.argmin(axis=1) == np.arange(len(truth)))),
    }


def decoder_divergence(validator, spec, decoded, truth):
    def judged(pictures):
        size = (spec["width"], spec["height"])
        images = [Image.fromarray((255 * p + 0.5).astype(np.uint8)) for p in pictures]
        pixels = [np.asarray(image.resize(size, Image.Resampling.BILINEAR)) for image in images]
        return probabilities(validator, normalised(np.stack(pixels), spec))

    sharp, blurred = judged(truth), judged(decoded)
    table = np.stack([divergence(p, blurred) for p in sharp])
    own = float(np.diag(table).mean())
    null = float(table[~np.eye(len(table), dtype=bool)].mean())
    return {"decoderKL": own, "decoderKLNull": null, "decoderKLRatio": own / null}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("model", "preprocess", "images"):
        parser.add_argument(f"--{option}", required=True)
    for option in ("validator", "validator-preprocess", "out", "sheet"):
        parser.add_argument(f"--{option}")
    parser.add_argument("--side", type=int, default=56)
    parser.add_argument("--count", type=int)
    parser.add_argument("--cut", action="append", required=True, metavar="NAME=TENSOR[,TENSOR...]")
    arguments = parser.parse_args()

    spec, side = read_preprocess(arguments.preprocess), arguments.side
    pixels = [cropped_pixels(file, spec) for file in picture_files(arguments.images, arguments.count)]
    small = [Image.fromarray(p).convert("RGB").resize((side, side), Image.Resampling.BILINEAR) for p in pixels]
    pictures = np.stack([np.asarray(p) for p in small]) / 255
    inputs = normalised(np.stack(pixels), spec)
    cuts = [(name, tensors.split(",")) for name, tensors in (cut.split("=", 1) for cut in arguments.cut)]
    wanted = sorted({tensor for _, tensors in cuts for tensor in tensors})
    session = load_session(arguments.model, wanted)
    name = session.get_inputs()[0].name
    runs = [session.run(wanted, {name: inputs[i : i + 1]}) for i in range(len(inputs))]
    values = {tensor: np.concatenate([run[i] for run in runs]).astype(np.float64) for i, tensor in enumerate(wanted)}
    test = np.arange(len(pictures))[2::3]
    train = np.setdiff1d(np.arange(len(pictures)), test)
    mean, truth = pictures[train].mean(axis=0), pictures[test]
    validator = load_session(arguments.validator) if arguments.validator else None

    results, rows = [], [truth]
    for cut, tensors in cuts:
        parts = [values[tensor] for tensor in tensors]
        flat = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
        decoded = {"global": global_decoder(flat, pictures, train, test)}
        if all(part.ndim == 4 and part.shape[2] > 1 for part in parts):
            decoded["local"] = local_decoder(np.concatenate(parts, axis=1), pictures, train, test)
        entry = {"name": cut, "tensors": tensors}
        for kind, guess in decoded.items():
            entry[kind] = scores(guess, truth, mean)
        best = max(decoded, key=lambda kind: entry[kind]["r2"])
        entry["best"] = best
        if validator:
            spec = read_preprocess(arguments.validator_preprocess)
            entry |= decoder_divergence(validator, spec, decoded[best], truth)
        results.append(entry)
        rows.append(decoded[best])
        numbers = entry[best] | {key: value for key, value in entry.items() if key.startswith("decoderKL")}
        print(f"{cut:<24}{best:<7}", *(f"{key} {value:.3f}" for key, value in numbers.items()))
    if arguments.sheet:
        shown = np.concatenate([np.concatenate(list(row[:12]), axis=1) for row in rows])
        sheet = Image.fromarray((255 * shown).astype(np.uint8))
        sheet.resize((12 * 96, len(rows) * 96), Image.Resampling.NEAREST).save(arguments.sheet)
    if arguments.out:
        document = {"computedBy": "Tests/Reference/ridge.py", "images": len(pictures), "side": side, "cuts": results}
        pathlib.Path(arguments.out).write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
