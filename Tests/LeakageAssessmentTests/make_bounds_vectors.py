# SPDX-License-Identifier: Apache-2.0
"""Writes bounds-vectors.json: what BoundsTests expects, computed from the formulas in plain Python.

Run it from anywhere: python3 make_bounds_vectors.py
"""

import json
import math
import pathlib
import random

random.seed(20)
features = [[round(random.gauss(0, 1), 3) for _ in range(9)] for _ in range(12)]


def squared_distance(a, b):
    return sum((x - y) ** 2 for x, y in zip(a, b))


def information(sigma, features=features):
    total = 0.0
    for a in features:
        total += math.log(sum(math.exp(-squared_distance(a, b) / (2 * sigma**2)) for b in features) / len(features))
    return -total / len(features)


def bound(sigma, features=features):
    return min(1, (information(sigma, features) + math.log(2)) / math.log(len(features)))


def bound_error(sigma):
    """Jackknife: the whole computation again without each candidate."""
    n = len(features)
    without = [bound(sigma, features[:i] + features[i + 1:]) for i in range(n)]
    mean = sum(without) / n
    return math.sqrt((n - 1) / n * sum((value - mean) ** 2 for value in without))


def identification(sigma, draws=4000):
    """Noise on every feature, and the nearest candidate: nothing is taken from inner products."""
    hits = 0
    for truth, a in enumerate(features):
        for _ in range(draws):
            seen = [x + random.gauss(0, sigma) for x in a]
            nearest = min(range(len(features)), key=lambda j: squared_distance(seen, features[j]))
            hits += nearest == truth
    return hits / (draws * len(features))


levels = []
for sigma in (0.2, 0.5, 1.0, 2.0, 5.0):
    levels.append(
        {
            "sigma": sigma,
            "information": information(sigma),
            "bound": bound(sigma),
            "boundError": bound_error(sigma),
            "identification": identification(sigma),
        }
    )

probes = [[round(random.uniform(1, 9), 3) for _ in range(4)] for _ in range(23)]
means = [sum(p) / 4 for p in probes]
mean = sum(means) / len(means)
variance = sum((m - mean) ** 2 for m in means) / (len(means) - 1)
trace = {
    "probes": probes,
    "mean": mean,
    "standardError": math.sqrt(variance / len(means)),
    "percentile95": sorted(means)[math.ceil(0.95 * len(means)) - 1],
}

target = pathlib.Path(__file__).with_name("bounds-vectors.json")
target.write_text(json.dumps({"candidates": {"features": features, "levels": levels}, "trace": trace}, indent=1) + "\n")
