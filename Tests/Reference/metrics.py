# SPDX-License-Identifier: Apache-2.0
"""Joint and class metrics of the assessment on stored random tensors, computed with numpy and scipy, apart from the Swift
code.

    python metrics.py > metrics.json
"""

import itertools
import json
import math
import sys

import numpy as np
from scipy.ndimage import correlate1d
from scipy.spatial.distance import cdist
from scipy.special import rel_entr, softmax

random = np.random.default_rng(20260801)


def stored(values):
    """What the file holds is what is computed with."""
    return np.asarray(values).astype(np.float32).round(5).astype(float)


def ssim_terms(a, b):
    """Per channel, means over windows that lie inside: (luminance * contrast-structure, contrast-structure)."""
    taps = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()

    def blurred(plane):
        return correlate1d(correlate1d(plane, taps, axis=0), taps, axis=1)[5:-5, 5:-5]

    terms = []
    for channel in range(a.shape[2]):
        x, y = a[..., channel], b[..., channel]
        mx, my = blurred(x), blurred(y)
        vx, vy, cov = blurred(x * x) - mx**2, blurred(y * y) - my**2, blurred(x * y) - mx * my
        structure = (2 * cov + 9e-4) / (vx + vy + 9e-4)
        luminance = (2 * mx * my + 1e-4) / (mx**2 + my**2 + 1e-4)
        terms.append(((luminance * structure).mean(), structure.mean()))
    return terms


def ms_ssim(a, b, scales):
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])[:scales]
    weights /= weights.sum()
    product = np.ones(a.shape[2])
    for scale in range(scales):
        for channel, (whole, structure) in enumerate(ssim_terms(a, b)):
            product[channel] *= max(0, whole if scale == scales - 1 else structure) ** weights[scale]
        height, width = a.shape[0] // 2 * 2, a.shape[1] // 2 * 2
        a, b = (
            v[:height, :width].reshape(height // 2, 2, width // 2, 2, -1).mean(axis=(1, 3)) for v in (a, b)
        )
    return float(product.mean())


def scale_cases():
    cases = []
    for (height, width, channels), scales in (((48, 56, 3), 3), ((25, 30, 1), 2), ((18, 18, 3), 1)):
        a = random.random((height, width, channels))
        a = stored((a + np.roll(a, 1, 0) + np.roll(a, 1, 1)) / 3)
        b = stored(np.clip(a + random.normal(scale=0.1, size=a.shape), 0, 1))
        cases.append(
            {"shape": [height, width, channels], "a": a.ravel().tolist(), "b": b.ravel().tolist(), "scales": scales,
             "value": ms_ssim(a, b, scales)}
        )
    return cases


def distance_correlation(x, y):
    def centred(features):
        distances = cdist(features, features)
        n, rows, total = len(distances), distances.sum(axis=1), distances.sum()
        result = distances - rows[:, None] / (n - 2) - rows[None] / (n - 2) + total / ((n - 1) * (n - 2))
        np.fill_diagonal(result, 0)
        return result

    a, b = centred(x), centred(y)
    return float((a * b).sum() / math.sqrt((a * a).sum() * (b * b).sum()))


def correlation_cases():
    cases = []
    for noise in (0.0, 1.0, 100.0):
        x = stored(random.normal(size=(14, 5)))
        y = stored(x[:, :3] + noise * random.normal(size=(14, 3)))
        cases.append({"x": x.tolist(), "y": y.tolist(), "value": distance_correlation(x, y)})
    return cases


def feature_distance(layers_a, layers_b):
    def unit(layer):
        return layer / np.linalg.norm(layer, axis=0)

    return float(sum(((unit(a) - unit(b)) ** 2).sum(axis=0).mean() for a, b in zip(layers_a, layers_b)))


def feature_case():
    shapes = [(4, 9), (7, 4)]
    a, b = ([stored(random.normal(size=shape)) for shape in shapes] for _ in range(2))
    return {"channels": [4, 7], "a": [v.ravel().tolist() for v in a], "b": [v.ravel().tolist() for v in b],
            "value": feature_distance(a, b)}


def decoder_divergence():
    sharp = stored(random.normal(size=(9, 6)) * 3)
    blurred = stored(sharp + random.normal(size=(9, 6)))
    p, q = softmax(sharp, axis=1), softmax(blurred, axis=1)
    table = rel_entr(p[:, None], np.maximum(q, 1e-12)[None]).sum(axis=2)
    own, others = np.diag(table), table[~np.eye(9, dtype=bool)]
    wins = (own[:, None] < others[None]).mean() + 0.5 * (own[:, None] == others[None]).mean()
    nulls = others.reshape(9, 8).mean(axis=1)
    error = np.std(own / nulls.mean() - own.mean() * nulls / nulls.mean() ** 2, ddof=1) / 3
    return {"pictures": sharp.tolist(), "reconstructions": blurred.tolist(), "own": float(own.mean()),
            "null": float(others.mean()), "area": float(wins), "ratioError": float(error)}


def clusters():
    """Classes around four centres, overlapping."""
    classes = np.arange(40) % 4
    features = stored(random.normal(size=(4, 3))[classes] * 1.5 + random.normal(size=(40, 3)))
    return classes, features


def lloyd(features, assignment, count):
    while True:
        centres = np.stack([features[assignment == c].mean(axis=0) for c in range(count)])
        following = cdist(features, centres).argmin(axis=1)
        if (following == assignment).all():
            return assignment, float((cdist(features, centres).min(axis=1) ** 2).sum())
        assignment = following


def mutual_information(a, b):
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1 / len(a))
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    nonzero = table > 0
    information = (table[nonzero] * np.log((table / np.outer(rows, columns))[nonzero])).sum()
    entropies = [-(p[p > 0] * np.log(p[p > 0])).sum() for p in (rows, columns)]
    return float(2 * information / sum(entropies))


def probe(features, classes, train, test):
    """Ridge onto one-hot columns with an unpenalised constant; the penalty by explicit leave-one-out."""
    onehot = np.eye(classes.max() + 1)[classes]

    def fitted(rows, penalty):
        x, y = features[rows], onehot[rows]
        mean, target = x.mean(axis=0), y.mean(axis=0)
        weights = np.linalg.solve((x - mean).T @ (x - mean) + penalty * np.eye(x.shape[1]), (x - mean).T @ (y - target))
        return lambda v: (v - mean) @ weights + target

    centred = features[train] - features[train].mean(axis=0)
    scale = (centred**2).sum() / len(train)
    best = min(
        (sum(((fitted(np.delete(train, i), relative * scale)(features[row]) - onehot[row]) ** 2).sum()
             for i, row in enumerate(train)), relative)
        for relative in [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10])
    answers = fitted(train, best[1] * scale)(features[test]).argmax(axis=1)
    return float((answers == classes[test]).mean())


def class_case():
    classes, features = clusters()
    initial = np.arange(40) // 10
    assignment, cost = lloyd(features, initial, 4)
    train, test = np.arange(28), np.arange(28, 40)
    examples = [[c, c + 4] for c in range(4)]
    centres = np.stack([features[rows].mean(axis=0) for rows in examples])
    rest = np.arange(8, 40)
    shots = float((cdist(features[rest], centres).argmin(axis=1) == classes[rest]).mean())
    unit = features / np.linalg.norm(features, axis=1)[:, None]
    pairs = list(itertools.combinations(range(40), 2))
    distance = {True: [], False: []}
    for i, j in pairs:
        distance[bool(classes[i] == classes[j])].append(1 - unit[i] @ unit[j])
    same, different = np.array(distance[True])[:, None], np.array(distance[False])[None]
    return {
        "features": features.tolist(), "classes": classes.tolist(), "initial": initial.tolist(),
        "assignment": assignment.tolist(), "cost": cost, "information": mutual_information(assignment, classes),
        "training": train.tolist(), "testing": test.tolist(), "probe": probe(features, classes, train, test),
        "examples": examples, "shots": shots,
        "equality": float((same < different).mean() + 0.5 * (same == different).mean()),
    }


def machine():
    """Ridge on [relu(x R + b), x, 1], the constant unpenalised, the penalty relative to the mean diagonal."""
    x, mixing, bias = (stored(random.normal(size=shape)) for shape in ((30, 4), (4, 6), (6,)))
    y = stored(np.sin(2 * x[:, :2]))
    hidden = np.maximum(0, x @ mixing + bias)
    rows = np.concatenate([hidden, x, np.ones((30, 1))], axis=1)
    gram, penalty = rows.T @ rows, 1e-2
    ridge = penalty * np.trace(gram) / len(gram) * np.diag([1.0] * 10 + [0])
    weights = np.linalg.solve(gram + ridge, rows.T @ y)
    linear = rows[:, 6:]
    gram = linear.T @ linear
    ridge = penalty * np.trace(gram) / len(gram) * np.diag([1.0] * 4 + [0])
    return {"x": x.tolist(), "y": y.tolist(), "mixing": mixing.ravel().tolist(), "bias": bias.tolist(),
            "hidden": hidden.tolist(), "penalty": penalty, "weights": weights.ravel().tolist(),
            "linearWeights": np.linalg.solve(gram + ridge, linear.T @ y).ravel().tolist()}


def channel_divergence():
    """table[x, y] of 12 pictures, IR images of y against picture x; only the next 6 of each (cyclic) are nulls."""
    n, candidates = 12, 7
    table = stored(random.gamma(4, size=(n, n)) * (1 - 0.3 * np.eye(n)) * random.uniform(0.5, 2, size=(n, 1)))
    table[3, 4] = table[3, 3]
    nulls = [[table[x, (x + d) % n] for d in range(1, candidates)] for x in range(n)]
    own = table.diagonal()
    shares = [np.mean([(v > own[x]) + 0.5 * (v == own[x]) for v in nulls[x]]) for x in range(n)]
    spread = np.std(shares, ddof=1) / math.sqrt(n)
    pooled = np.mean([(v > o) + 0.5 * (v == o) for o in own for row in nulls for v in row])
    found = [all(own[y] < table[x, y] for x in range(n) if 0 < (y - x) % n < candidates) for y in range(n)]
    divergences = [[own[x], *nulls[x]] for x in range(n)]
    return {"divergences": divergences, "area": float(np.mean(shares)),
            "error": float(max(spread, math.sqrt((candidates + 1) / (12 * (candidates - 1) * n)))),
            "pooled": float(pooled), "topOne": float(np.mean(found))}


def shares():
    """Where the counted share is 1.65 deviations of the binomial off the true one: (k/n - p)² = 1.65² p (1 - p) / n."""
    cases = []
    for found, count in ((60, 60), (57, 60), (0, 30), (1, 2), (9, 30), (1, 1)):
        share, square = found / count, 1.65**2 / count
        lower, upper = sorted(np.roots([1 + square, -2 * share - square, share**2]).real)
        cases.append({"found": found, "count": count, "lower": float(lower), "upper": float(upper)})
    return cases


json.dump(
    {"computedBy": "Tests/Reference/metrics.py", "scales": scale_cases(), "correlations": correlation_cases(),
     "features": feature_case(), "divergence": decoder_divergence(), "classes": class_case(), "machine": machine(),
     "channels": channel_divergence(), "shares": shares()},
    sys.stdout)
print()
