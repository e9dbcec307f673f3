# SPDX-License-Identifier: Apache-2.0
"""Random weights for a Darknet configuration, in the form of a .weights file."""

import array
import math
import pathlib
import random
import struct


def sections(text):
    """[(kind, {key: value})] of a .cfg."""
    found = []
    for line in text.splitlines():
        line = line.split("#")[0].strip()
        if line.startswith("["):
            found.append((line.strip("[]"), {}))
        elif "=" in line and found:
            key, value = line.split("=", 1)
            found[-1][1][key.strip()] = value.strip()
    return found


def layers(text):
    """[(bias count, normalised, weight count, fan-in)] of the convolutions, in the order of the file."""
    net, *rest = sections(text)
    channels, counts, result = int(net[1]["channels"]), [], []
    for kind, options in rest:
        if kind == "convolutional":
            filters, size = int(options.get("filters", 1)), int(options.get("size", 1))
            fan = size * size * channels // int(options.get("groups", 1))
            result.append((filters, options.get("batch_normalize", "0") == "1", filters * fan, fan))
            channels = filters
        elif kind == "route":
            named = [int(number) for number in options["layers"].split(",")]
            channels = sum(counts[number] for number in named)
        elif kind not in ("maxpool", "avgpool", "softmax", "cost", "dropout", "shortcut", "crop"):
            raise ValueError(f"[{kind}] is not needed by the paper's networks")
        counts.append(channels)
    return result


def write(configuration, target, seed):
    """Weights of the usual size for their fan-in, so that activations stay in the normal range. The same 65,537 draws
    over and over: cost does not depend on the values."""
    generator = random.Random(seed)
    draws = array.array("f", (generator.gauss(0, 1) for _ in range(65_537)))
    with open(target, "wb") as file:
        file.write(struct.pack("<iiiq", 0, 2, 0, 0))
        for biases, normalised, weights, fan in layers(pathlib.Path(configuration).read_text()):
            array.array("f", [0.0] * biases).tofile(file)
            if normalised:
                for value in (1.0, 0.0, 1.0):
                    array.array("f", [value] * biases).tofile(file)
            scale = math.sqrt(2 / fan)
            scaled = array.array("f", (scale * value for value in draws))
            whole, part = divmod(weights, len(scaled))
            for _ in range(whole):
                scaled.tofile(file)
            scaled[:part].tofile(file)
