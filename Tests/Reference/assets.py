# SPDX-License-Identifier: Apache-2.0
"""The metrics of the three assets on stored random tensors, computed with numpy apart from the Swift code: with the
features themselves in place of inner products, and with the predictions in place of weights.

    python assets.py > assets.json
"""

import json
import sys

import numpy as np

random = np.random.default_rng(20261201)
PENALTIES = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 0.3, 1, 3, 10, 100, 1000)
CANDIDATES = 40


def stored(values):
    """What the file holds is what is computed with."""
    return np.round(values, 4)


def roots(x):
    return np.sign(x) * np.sqrt(np.abs(x))


def kernels(x):
    distances = ((x[:, None] - x[None]) ** 2).sum(axis=2)
    median = np.median(distances[np.triu_indices(len(x), 1)])
    return [x @ x.T, np.exp(-distances / (2 * median)), np.exp(-np.sqrt(distances / median))]


def predicted(choices, targets, training, testing):
    """Kernel ridge with an intercept; kernel and penalty by refitting without each picture in turn."""

    def fit(kernel, wanted, ridge):
        count = len(kernel)
        system = np.block([[kernel + ridge * np.eye(count), np.ones((count, 1))], [np.ones((1, count)), np.zeros((1, 1))]])
        return np.linalg.solve(system, np.vstack([wanted, np.zeros((1, wanted.shape[1]))]))

    best = None
    for kernel in choices:
        own = kernel[np.ix_(training, training)]
        centre = np.eye(len(training)) - 1 / len(training)
        scale = np.trace(centre @ own @ centre) / len(training)
        for penalty in PENALTIES:
            error = 0
            for left in range(len(training)):
                others = [index for index in range(len(training)) if index != left]
                solution = fit(own[np.ix_(others, others)], targets[training][others], penalty * scale)
                error += ((own[left, others] @ solution[:-1] + solution[-1] - targets[training][left]) ** 2).sum()
            if best is None or error < best[0]:
                best = error, kernel, penalty * scale
    _, kernel, ridge = best
    solution = fit(kernel[np.ix_(training, training)], targets[training], ridge)
    return kernel[np.ix_(testing, training)] @ solution[:-1] + solution[-1]


def curve_case():
    count, training, testing = 50, list(range(5, 35)), [*range(5), *range(35, 50)]
    hidden = random.normal(size=(count, 4))
    x = stored(np.tanh(hidden @ random.normal(size=(4, 10))) + 0.05 * random.normal(size=(count, 10)))
    pictures = stored(hidden @ random.normal(size=(4, 12)) + 2 * random.normal(size=(count, 12)))
    views = stored(np.vstack([hidden, hidden + 0.4 * random.normal(size=hidden.shape)]) @ random.normal(size=(4, 6)))
    classes = np.argmax(hidden[:, :3] + 0.8 * random.normal(size=(count, 3)), axis=1)
    classes[testing[0]] = 7  # A class without an example does not count.

    mean = pictures[training].mean(axis=0)
    choices = kernels(x)
    guess = predicted(choices, pictures, training, testing)
    scale = ((pictures[testing] - mean) ** 2).sum(axis=1)
    gain = scale - ((pictures[testing] - guess) ** 2).sum(axis=1)

    identified = []
    view = predicted(choices, views[:count], training, testing) - views[training].mean(axis=0)
    for versions in (0, count):
        candidates = views[np.array(testing) + versions] - views[training].mean(axis=0)
        likeness = view @ candidates.T / np.linalg.norm(candidates, axis=1)
        found = []
        for index in range(len(testing)):
            among = [(index + offset) % len(testing) for offset in range(min(CANDIDATES, len(testing)))]
            found.append(all(likeness[index, other] < likeness[index, index] for other in among[1:]))
        identified.append(found)

    names = np.unique(classes[training])
    indicator = (classes[:, None] == names[None]).astype(float)
    named = names[np.argmax(predicted(choices, indicator, training, testing), axis=1)]
    counts = [(classes[training] == name).sum() for name in names]
    majority = names[np.argmax(counts)]
    known = np.isin(classes[testing], names)
    right, guessed = named == classes[testing], classes[testing] == majority
    return {
        "features": x.tolist(), "pictures": pictures.tolist(), "views": views.tolist(), "classes": classes.tolist(),
        "training": training, "testing": testing, "gain": gain.tolist(), "scale": scale.tolist(),
        "identified": identified, "classGain": np.where(known, right.astype(float) - guessed, 0).tolist(),
        "classScale": np.where(known, 1.0 - guessed, 0).tolist(),
    }


def ratio_case():
    """Value, error and error of the gain of a curve whose values are ratios of sums: the delta method by its gradient."""
    scale = stored(random.gamma(4, size=(2, 60)))
    gain = stored(scale * [[0.2], [0.35]] + 0.3 * random.normal(size=scale.shape))
    values = gain.sum(axis=1) / scale.sum(axis=1)
    # The derivatives of gain.sum() / scale.sum() by a picture's own two numbers are 1 / S and -value / S.
    influences = len(gain[0]) * (gain - values[:, None] * scale) / scale.sum(axis=1, keepdims=True)
    error = [np.std(row, ddof=1) / np.sqrt(len(row)) for row in (influences[1], influences[1] - influences[0])]
    return {"gain": gain.tolist(), "scale": scale.tolist(), "values": values.tolist(), "error": error[0],
            "gainError": error[1]}


def reconstruction_case():
    """R², its error by resampling pictures, and the ranks of retrieval by cosine of differences from the mean."""
    count, side = 24, 12
    pictures = stored(random.uniform(size=(count, side, side)))
    mean = stored(random.uniform(0.4, 0.6, size=(side, side)))
    decoded = stored(0.8 * mean + 0.03 * pictures + 0.17 * random.uniform(size=pictures.shape))
    errors = ((decoded - pictures) ** 2).mean(axis=(1, 2))
    of_mean = ((mean - pictures) ** 2).mean(axis=(1, 2))
    draws = random.integers(count, size=(20000, count))
    spread = np.std(1 - errors[draws].sum(axis=1) / of_mean[draws].sum(axis=1))
    a, b = (decoded - mean).reshape(count, -1), (pictures - mean).reshape(count, -1)
    likeness = (a / np.linalg.norm(a, axis=1, keepdims=True)) @ (b / np.linalg.norm(b, axis=1, keepdims=True)).T
    ranks = (likeness >= likeness.diagonal()[:, None]).sum(axis=1) - 1
    return {"side": side, "pictures": pictures.reshape(count, -1).tolist(), "mean": mean.ravel().tolist(),
            "decoded": decoded.reshape(count, -1).tolist(), "rSquared": float(1 - errors.sum() / of_mean.sum()),
            "rSquaredError": float(spread), "ranks": ranks.tolist()}


def roots_case():
    """Features whose signed square roots are linear in the picture and in larger numbers that are not part of it."""
    count, training, testing = 40, list(range(5, 35)), [*range(5), *range(35, 40)]
    hidden = np.hstack([random.normal(size=(count, 2)), 8 * random.normal(size=(count, 4))])
    linear = hidden @ random.normal(size=(6, 12)) + 0.5 * random.normal(size=(count, 12))
    x = stored(linear * np.abs(linear))
    pictures = stored(hidden[:, :2] @ random.normal(size=(2, 9)))
    scale = ((pictures[testing] - pictures[training].mean(axis=0)) ** 2).sum(axis=1)

    def gain(choices):
        return scale - ((pictures[testing] - predicted(choices, pictures, training, testing)) ** 2).sum(axis=1)

    return {"features": x.tolist(), "pictures": pictures.tolist(), "training": training, "testing": testing,
            "gain": gain(kernels(x) + kernels(roots(x))).tolist(), "gainWithoutRoots": gain(kernels(x)).tolist(),
            "scale": scale.tolist()}


json.dump({"computedBy": "Tests/Reference/assets.py", "curve": curve_case(), "ratio": ratio_case(),
           "reconstruction": reconstruction_case(), "roots": roots_case()}, sys.stdout)
print()
