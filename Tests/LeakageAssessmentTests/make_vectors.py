# SPDX-License-Identifier: Apache-2.0
"""Numbers that the metrics and decoders are compared with, computed with numpy and scipy, apart from the Swift code.

    python make_vectors.py > vectors.json
"""

import json

import numpy as np
import scipy
from scipy import ndimage, special, stats

generator = np.random.default_rng(20260701)


def rounded(values, digits=7):
    return np.asarray(values, dtype=float).round(digits).tolist()


def divergences():
    cases = []
    for scale in (0.5, 3, 20):
        p, q = generator.normal(size=(2, 12)) * scale
        p, q = p.astype(np.float32), q.astype(np.float32)
        own, other = special.softmax(p.astype(float)), special.softmax(q.astype(float))
        floored = np.maximum(other, 1e-12)
        cases.append(
            {
                "p": p.tolist(),
                "q": q.tolist(),
                "divergence": float(np.sum(special.rel_entr(own, floored))),
                "entropy": float(stats.entropy(own)),
                "baseline": float(np.sum(special.rel_entr(own, np.full(12, 1 / 12)))),
            }
        )
    return cases


def areas():
    cases = []
    for count in (4, 9, 30):
        positives = generator.normal(size=count).round(1)
        negatives = (generator.normal(size=count) + 0.5).round(1)
        statistic = stats.mannwhitneyu(positives, negatives).statistic
        cases.append(
            {
                "positives": positives.tolist(),
                "negatives": negatives.tolist(),
                "area": 1 - float(statistic) / (count * count),
            }
        )
    return cases


def resizes():
    cases = []
    for (height, width), (rows, columns) in (((5, 7), (11, 9)), ((13, 13), (32, 32)), ((6, 4), (3, 3)), ((2, 2), (5, 5))):
        image = generator.random((height, width)).astype(np.float32)
        y = (np.arange(rows) + 0.5) * height / rows - 0.5
        x = (np.arange(columns) + 0.5) * width / columns - 0.5
        grid = np.meshgrid(y, x, indexing="ij")
        result = ndimage.map_coordinates(image.astype(float), grid, order=1, mode="nearest")
        cases.append(
            {
                "source": [height, width],
                "target": [rows, columns],
                "image": image.ravel().tolist(),
                "result": rounded(result.ravel()),
            }
        )
    return cases


def similarity(a, b):
    """SSIM by scipy's Gaussian filter; only where the whole window lies inside."""

    def smooth(values):
        return ndimage.gaussian_filter(values, 1.5, truncate=3.5)[5:-5, 5:-5]

    scores = []
    for channel in range(a.shape[2]):
        x, y = a[..., channel], b[..., channel]
        mx, my = smooth(x), smooth(y)
        vx, vy, cov = smooth(x * x) - mx**2, smooth(y * y) - my**2, smooth(x * y) - mx * my
        scores.append(
            ((2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))).mean()
        )
    return float(np.mean(scores))


def pictures():
    cases = []
    for shape in ((16, 20, 3), (24, 13, 1)):
        a = ndimage.uniform_filter(generator.random(shape), (3, 3, 1)).astype(np.float32)
        b = np.clip(a + 0.1 * generator.normal(size=shape), 0, 1).astype(np.float32)
        mse = float(np.mean((a.astype(float) - b) ** 2))
        cases.append(
            {
                "shape": list(shape),
                "a": a.ravel().tolist(),
                "b": b.ravel().tolist(),
                "mse": mse,
                "psnr": float(-10 * np.log10(mse)),
                "ssim": similarity(a.astype(float), b.astype(float)),
            }
        )
    return cases


def averaged_axis(values, origin, extent, target):
    """Area averages along the first axis from the integral of the step function, edges continued."""
    source = values.shape[0]
    pad = 3
    padded = np.concatenate([np.repeat(values[:1], pad, 0), values, np.repeat(values[-1:], pad, 0)])
    integral = np.concatenate([np.zeros((1,) + values.shape[1:]), np.cumsum(padded, axis=0)])
    edges = origin + np.arange(target + 1) * extent / target + pad
    flat = integral.reshape(source + 2 * pad + 1, -1)
    at = np.stack([np.interp(edges, np.arange(len(flat)), column) for column in flat.T], axis=1)
    return (np.diff(at, axis=0) * target / extent).reshape((target,) + values.shape[1:])


def averages():
    cases = []
    for shape, region, target in (
        ((12, 10, 3), (0, 0, 12, 10), (4, 5)),
        ((12, 10, 1), (-1.5, 0.25, 14, 9), (5, 4)),
        ((9, 9, 3), (2, 1, 6.5, 7), (7, 6)),
    ):
        image = generator.random(shape).astype(np.float32)
        rows = averaged_axis(image.astype(float), region[0], region[2], target[0])
        both = averaged_axis(rows.swapaxes(0, 1), region[1], region[3], target[1]).swapaxes(0, 1)
        cases.append(
            {
                "shape": list(shape),
                "region": list(region),
                "target": list(target),
                "image": image.ravel().tolist(),
                "result": rounded(both.ravel()),
            }
        )
    return cases


def normal_equations():
    rows, features, outputs = 40, 6, 2
    x = np.concatenate([generator.normal(size=(rows, features - 1)), np.ones((rows, 1))], axis=1)
    y = generator.normal(size=(rows, outputs))
    gram = x.T @ x
    cases = []
    for penalty in (1e-4, 0.3):
        ridge = penalty * np.trace(gram) / features * np.diag([1.0] * (features - 1) + [0.0])
        weights = np.linalg.solve(gram + ridge, x.T @ y)
        cases.append(
            {
                "penalty": penalty,
                "weights": weights.ravel().tolist(),
                "error": float(np.sum((x @ weights - y) ** 2)),
            }
        )
    return {"features": features, "outputs": outputs, "x": x.ravel().tolist(), "y": y.ravel().tolist(), "cases": cases}


def centred_ridge(train, target, test, ridge):
    """Primal solution with an intercept: apart from the dual form that it checks."""
    mean, shift = train.mean(axis=0), target.mean(axis=0)
    centred = train - mean
    weights = np.linalg.solve(centred.T @ centred + ridge * np.eye(train.shape[1]), centred.T @ (target - shift))
    return (test - mean) @ weights + shift


def dual_ridge():
    count, features, side = 14, 5, 2
    x = generator.normal(size=(count, features)).astype(np.float32)
    mixing = generator.normal(size=(features, side * side)) * 0.04
    y = (0.5 + x @ mixing + 0.02 * generator.normal(size=(count, side * side))).astype(np.float32)
    training, testing = list(range(11)), [11, 12, 13]
    train, target = x[training].astype(float), y[training].astype(float)
    scale = np.trace((train - train.mean(0)) @ (train - train.mean(0)).T) / len(training)
    errors = {}
    for penalty in (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10):
        error = 0
        for left in range(len(training)):
            others = [index for index in range(len(training)) if index != left]
            guess = centred_ridge(train[others], target[others], train[left : left + 1], penalty * scale)
            error += np.sum((guess - target[left]) ** 2)
        errors[penalty] = error
    best = min(errors, key=errors.get)
    result = centred_ridge(train, target, x[testing].astype(float), best * scale)
    return {
        "features": [row.tolist() for row in x],
        "pictures": [row.tolist() for row in y],
        "side": side,
        "training": training,
        "testing": testing,
        "penalty": best,
        "result": [rounded(row) for row in np.clip(result, 0, 1)],
    }


def kernel_ridge():
    """Kernel and penalty by refitting without each picture in turn; the intercept is a row of the linear system."""

    def solve(kernel, targets, ridge):
        count = len(kernel)
        system = np.zeros((count + 1, count + 1))
        system[:count, :count] = kernel + ridge * np.eye(count)
        system[:count, count] = system[count, :count] = 1
        return np.linalg.solve(system, np.vstack([targets, np.zeros((1, targets.shape[1]))]))

    cases = []
    for truth in ("linear", "curved", "none"):
        count, features, outputs = 24, 4, 6
        x = generator.normal(size=(count, features)).astype(np.float32)
        mixing = generator.normal(size=(features, outputs))
        clean = {"linear": x @ mixing, "curved": np.sin(2 * x @ mixing), "none": np.zeros((count, outputs))}[truth]
        y = (clean + (1 if truth == "none" else 0.1) * generator.normal(size=(count, outputs))).astype(np.float32)
        distances = np.sum((x[:, None, :].astype(float) - x[None, :, :]) ** 2, axis=2)
        median = np.median(distances[np.triu_indices(count, 1)])
        kernels = {
            "linear": x.astype(float) @ x.T,
            "gaussian": np.exp(-distances / (2 * median)),
            "laplacian": np.exp(-np.sqrt(distances / median)),
        }
        training, testing = list(range(18)), list(range(18, 24))
        targets = y[training].astype(float)
        errors = {}
        for name, kernel in kernels.items():
            own = kernel[np.ix_(training, training)]
            centre = np.eye(len(training)) - 1 / len(training)
            scale = np.trace(centre @ own @ centre) / len(training)
            for penalty in (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 0.3, 1, 3, 10, 100, 1000):
                error = 0
                for left in range(len(training)):
                    others = [index for index in range(len(training)) if index != left]
                    solution = solve(own[np.ix_(others, others)], targets[others], penalty * scale)
                    guess = own[left, others] @ solution[:-1] + solution[-1]
                    error += np.sum((guess - targets[left]) ** 2)
                errors[name, penalty] = (error, scale)
        name, penalty = min(errors, key=lambda key: errors[key][0])
        kernel = kernels[name]
        solution = solve(kernel[np.ix_(training, training)], targets, penalty * errors[name, penalty][1])
        result = kernel[np.ix_(testing, training)] @ solution[:-1] + solution[-1]
        cases.append(
            {
                "features": [row.tolist() for row in x],
                "targets": [row.tolist() for row in y],
                "training": training,
                "testing": testing,
                "kernel": name,
                "penalty": penalty,
                "result": [rounded(row) for row in result],
            }
        )
    return cases


class Bits:
    """The generator of the Swift code (Steele, Lea and Flood 2014), for the masks of dropout."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        mask = 2**64 - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        value = self.state
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
        return value ^ (value >> 31)

    def masks(self, shape):
        """One bit for each value, from the lowest bit on, 64 of each draw."""
        count = int(np.prod(shape))
        words = [self.next() for _ in range(-(-count // 64))]
        return np.array([words[i // 64] >> (i % 64) & 1 for i in range(count)], dtype=float).reshape(shape)


def perceptron():
    """Two steps of training a multilayer perceptron: ReLU, dropout of a half, mean squared error, Adam."""
    batch, widths, seed, rate = 6, (4, 5, 5, 3), 7, 0.01
    inputs = generator.normal(size=(batch, widths[0])).astype(np.float32)
    targets = generator.normal(size=(batch, widths[-1])).astype(np.float32)
    layers = [
        (generator.normal(size=(outputs, count)).astype(np.float32), generator.normal(size=outputs).astype(np.float32))
        for count, outputs in zip(widths, widths[1:])
    ]
    start = [np.concatenate([weights.ravel(), bias]).tolist() for weights, bias in layers]
    values = [(weights.astype(float), bias.astype(float)) for weights, bias in layers]
    moments = [[(np.zeros_like(part), np.zeros_like(part)) for part in layer] for layer in values]
    bits, steps = Bits(seed), []
    for step in (1, 2):
        activations, scales = [inputs.astype(float)], []
        for index, (weights, bias) in enumerate(values):
            drawn = activations[-1] @ weights.T + bias
            if index < 2:
                scales.append((drawn > 0) * 2 * bits.masks(drawn.shape))
                drawn = drawn * scales[-1]
            activations.append(drawn)
        gradient = 2 * (activations[-1] - targets) / targets.size
        for index in (2, 1, 0):
            weights, bias = values[index]
            slopes = (gradient.T @ activations[index], gradient.sum(0))
            if index:
                gradient = gradient @ weights * scales[index - 1]
            updated = []
            for part, slope, (first, second), place in zip((weights, bias), slopes, moments[index], (0, 1)):
                first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
                moments[index][place] = (first, second)
                updated.append(
                    part - rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
                )
            values[index] = tuple(updated)
        steps.append(
            {
                "output": rounded(activations[-1].ravel()),
                "parameters": [rounded(np.concatenate([weights.ravel(), bias])) for weights, bias in values],
            }
        )
    return {
        "batch": batch, "inputs": inputs.ravel().tolist(), "targets": targets.ravel().tolist(), "width": widths[1],
        "seed": seed, "rate": rate, "parameters": start, "steps": steps,
    }


print(
    json.dumps(
        {
            "computedBy": f"make_vectors.py with numpy {np.__version__}, scipy {scipy.__version__}",
            "divergences": divergences(),
            "areas": areas(),
            "resizes": resizes(),
            "pictures": pictures(),
            "averages": averages(),
            "normalEquations": normal_equations(),
            "dualRidge": dual_ridge(),
            "kernelRidge": kernel_ridge(),
            "perceptron": perceptron(),
        }
    )
)
