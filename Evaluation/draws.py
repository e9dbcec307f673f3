# SPDX-License-Identifier: Apache-2.0
"""`python3 Evaluation/draws.py FOLDER …`: how often does the verdict on R² from few pictures mislead?

Each folder was written by `infenclave features` with all pictures that there are. From random draws of a few of them,
the learning curve of kernel ridge regression is extrapolated as `assess` does, and compared with what all of them find
and with what ten times the draw would find. An interval that reaches 1 says nothing from above, so the bounded ones are
counted. Computed with numpy, apart from the Swift code. Eight minutes of one core for ten cuts.
"""

import argparse
import pathlib

import numpy as np

PENALTIES = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 0.3, 1, 3, 10, 100, 1000)
FOLDS, SMALLEST, SIDE, GATE = 5, 8, 56, 0.15
# One-sided 95 % for the interval, 99 % for evidence.
DEVIATIONS, EVIDENCE = 1.65, 2.33


def averaged(picture, side):
    """Area averages of at most side x side."""
    for _ in range(2):
        extent = len(picture)
        if extent > side:
            edges = np.linspace(0, extent, side + 1)
            total = np.concatenate([np.zeros_like(picture[:1]), np.cumsum(picture, axis=0)])
            whole = np.minimum(edges.astype(int), extent - 1)
            at = total[whole] + (edges - whole)[:, None, None] * picture[whole]
            picture = np.diff(at, axis=0) * side / extent
        picture = picture.swapaxes(0, 1)
    return picture


def read(folder):
    """Features, and inner products of the pictures."""
    features = np.load(folder / "features.npy")
    pictures = np.load(folder / "pictures.npy", mmap_mode="r")
    small = np.stack([averaged(picture.astype(float) / 255, SIDE).ravel() for picture in pictures])
    return features.reshape(len(features), -1).astype(float), small @ small.T


def kernels(features):
    """Linear, Gaussian and Laplacian, on the features and on their signed square roots."""
    found = []
    for values in (features, np.sign(features) * np.sqrt(np.abs(features))):
        gram = values @ values.T
        distances = np.maximum(0, np.add.outer(gram.diagonal(), gram.diagonal()) - 2 * gram)
        median = np.median(distances[np.triu_indices(len(gram), 1)])
        curved = [np.exp(-distances / (2 * median)), np.exp(-np.sqrt(distances / median))] if median > 0 else []
        found += [gram, *curved]
    return found


def outcomes(choices, pictures, training, testing):
    """Gain over the mean picture and possible gain of each test picture, and whether the smallest penalty was chosen.

    Kernel and penalty by leave-one-out."""
    count, best = len(training), None
    centre = np.eye(count) - 1 / count
    targets = centre @ pictures[np.ix_(training, training)] @ centre
    for kernel in choices:
        centred = centre @ kernel[np.ix_(training, training)] @ centre
        scale = np.trace(centred) / count
        if scale <= 1e-12:
            continue
        values, vectors = np.linalg.eigh(centred)
        rotated = vectors.T @ targets @ vectors
        for penalty in PENALTIES:
            ridge = penalty * scale
            left = vectors * (ridge / (np.maximum(values, 0) + ridge))
            leverage = (left * vectors).sum(axis=1) - 1 / count
            error = (((left @ rotated) * left).sum(axis=1) / np.maximum(leverage**2, 1e-24)).sum()
            if best is None or error < best[0]:
                best = error, kernel, (vectors / (np.maximum(values, 0) + ridge)) @ vectors.T, penalty
    _, kernel, inverse, penalty = best
    means = kernel[np.ix_(training, training)].mean(axis=1)
    products = kernel[np.ix_(testing, training)]
    weights = (products - products.mean(axis=1, keepdims=True) - means + means.mean()) @ inverse
    weights += (1 - weights.sum(axis=1, keepdims=True)) / count
    among, own = pictures[np.ix_(training, training)], pictures[np.ix_(testing, training)]
    square = pictures.diagonal()[testing]
    scale = square - 2 * own.mean(axis=1) + among.mean()
    error = square - 2 * (weights * own).sum(axis=1) + ((weights @ among) * weights).sum(axis=1)
    return np.stack([scale - error, scale]), penalty == PENALTIES[0]


def curve(features, pictures):
    """Sizes, values, error of the last value and of the last gain, and whether the curve bounds nothing from above."""
    count, choices = len(features), kernels(features)
    learned = count - -(-count // FOLDS)
    sizes, values, influences = [], [], []
    for parts in (8, 4, 2, 1):
        if learned // parts < SMALLEST:
            continue
        found, is_floor = [], False
        for fold in range(FOLDS):
            testing = np.arange(fold, count, FOLDS)
            rest = np.setdiff1d(np.arange(count), testing)
            size = len(rest) // parts
            made = [outcomes(choices, pictures, rest[part * size : (part + 1) * size], testing) for part in range(parts)]
            found.append(sum(gains for gains, _ in made) / parts)
            # Only the last size decides, which has one part.
            is_floor = is_floor or parts == 1 and made[0][1]
        gain, scale = np.concatenate(found, axis=1)
        sizes.append(learned // parts)
        values.append(gain.sum() / scale.sum())
        influences.append((gain - values[-1] * scale) / scale.mean())

    def error(of):
        return of.std(ddof=1) / np.sqrt(count)

    return sizes, values, error(influences[-1]), error(influences[-1] - influences[-2]), is_floor


def extrapolated(found, pictures):
    """`LearningCurve.extrapolated`: lower end, upper end. A curve with the smallest penalty has the upper end 1."""
    sizes, values, error, gain_error, is_floor = found
    value = values[-1]
    if value <= EVIDENCE * error:
        return 0, 1
    low, high = max(0, value - DEVIATIONS * error), value + DEVIATIONS * error
    if is_floor:
        return low, 1
    doublings = np.log2(pictures / sizes[-1])
    if doublings <= 0:
        return low, min(1, high)
    gains = [(value - values[at]) / np.log2(sizes[-1] / sizes[at]) for at in (-2, -3)[: len(sizes) - 1]]
    steepest = max(0, max(gains) + DEVIATIONS * gain_error / np.log2(sizes[-1] / sizes[-2]))
    exponent = min(1, -np.log2(max(0.5, 1 - steepest / value)))
    power = high * 2 ** (exponent * doublings)
    # Where the last doubling gained more than the one before it, twice a gain bounds nothing.
    steps = [(values[at] - values[at - 1]) / np.log2(sizes[at] / sizes[at - 1]) for at in (-1, -2)[: len(sizes) - 1]]
    accelerates = len(steps) == 2 and steps[0] > steps[1] + 1e-9
    return low, min(1, power, power if accelerates else high + 2 * steepest * doublings)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=pathlib.Path, nargs="+")
    parser.add_argument("--pictures", type=int, nargs="+", default=[70, 140, 200], help="of a draw")
    parser.add_argument("--draws", type=int, default=40)
    options = parser.parse_args()
    random = np.random.default_rng(1)
    totals = np.zeros(5, dtype=int)
    for folder in options.folders:
        features, pictures = read(folder)
        order = random.permutation(len(features))
        sizes, values, *_ = curve(features[order], pictures[np.ix_(order, order)])
        for few in options.pictures:
            tenfold = values[-1] + max(0, values[-1] - values[-2]) * np.log2(max(1, 10 * few / sizes[-1]))
            counts = np.zeros(5, dtype=int)
            for _ in range(options.draws):
                drawn = random.permutation(len(features))[:few]
                found = curve(features[drawn], pictures[np.ix_(drawn, drawn)])
                lower, upper = extrapolated(found, sizes[-1])
                passes = extrapolated(found, 10 * few)[1] <= GATE
                counts += [1, lower <= values[-1] <= upper, upper < 1, passes, passes and tenfold > GATE]
            totals += counts
            print(f"{folder.name:48} {few:4} pictures: R² of {sizes[-1]} {values[-1]:.2f}, of ten times {tenfold:.2f}; "
                  f"{summary(counts)}", flush=True)
    print(f"all: {summary(totals)}")


def summary(counts):
    drawn, covered, bounded, passed, broken = counts
    return f"covered {covered} of {drawn}, bounded {bounded}, passes {passed}, of them broken {broken}"


if __name__ == "__main__":
    main()
