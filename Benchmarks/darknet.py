# SPDX-License-Identifier: Apache-2.0
"""Compares `infenclave` with Darknet's own program on one machine: the two run in turn, each in separate processes."""

import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy

import report
from compare import checked

NETWORKS = ["darknet", "extraction", "densenet201"]
PROMPT = b"Enter Image Path: "


def sections(path):
    found = []
    for line in path.read_text().splitlines():
        line = line.split("#")[0].strip()
        if line.startswith("["):
            found.append((line.strip("[]"), {}))
        elif "=" in line:
            key, value = line.split("=", 1)
            found[-1][1][key.strip()] = value.strip()
    return found


def write_weights(configuration, path, seed=1):
    """Seeded random weights that keep activations in range: speed does not depend on their values."""
    random = numpy.random.default_rng(seed)
    (_, net), *layers = sections(configuration)
    channels, given = [], int(net["channels"])
    with open(path, "wb") as file:
        numpy.array([0, 2, 0, 0, 0], "<i4").tofile(file)
        for index, (kind, options) in enumerate(layers):
            if kind == "convolutional":
                count, size = int(options["filters"]), int(options.get("size", 1))
                fan_in = given // int(options.get("groups", 1)) * size * size
                numpy.zeros(count, "<f4").tofile(file)
                if options.get("batch_normalize") == "1":
                    for value in (1, 0, 1):
                        numpy.full(count, value, "<f4").tofile(file)
                values = random.standard_normal(count * fan_in, numpy.float32) * (2 / fan_in) ** 0.5
                values.astype("<f4").tofile(file)
                given = count
            elif kind == "route":
                places = [int(place) for place in options["layers"].split(",")]
                given = sum(channels[place if place >= 0 else index + place] for place in places)
            elif kind not in ("maxpool", "avgpool", "softmax", "dropout", "cost"):
                raise RuntimeError(f"{configuration}: [{kind}] is in none of the networks that are compared")
            channels.append(given)


def write_picture(path, width, height):
    """A bitmap with the size of the network's input, so that reading and resizing take little time."""
    pixels = numpy.random.default_rng(1).integers(0, 255, (height, width * 3 + (-width * 3) % 4), numpy.uint8)
    header = b"BM" + numpy.array([54 + pixels.size, 0, 54, 40, width, height], "<u4").tobytes()
    header += numpy.array([1, 24], "<u2").tobytes() + numpy.array([0, pixels.size, 0, 0, 0, 0], "<u4").tobytes()
    path.write_bytes(header + pixels.tobytes())


def darknet_times(program, configuration, weights, picture, threads, runs):
    """Milliseconds from one prompt of `darknet classifier predict` to the next, and what it prints: processor time."""
    with tempfile.TemporaryDirectory() as folder:
        names = pathlib.Path(folder) / "names"
        names.write_text("".join(f"class {index}\n" for index in range(1000)))
        data = pathlib.Path(folder) / "data"
        data.write_text(f"classes=1000\nnames={names}\ntop=5\n")
        said = open(pathlib.Path(folder) / "errors", "w+")
        process = subprocess.Popen(
            [program, "classifier", "predict", data, configuration, weights], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=said, env=os.environ | {"OMP_NUM_THREADS": str(threads)}, bufsize=0)

        def wait():
            text = b""
            while not text.endswith(PROMPT):
                part = process.stdout.read(65536)
                if not part:
                    raise RuntimeError(f"{program} ended before its prompt")
                text += part

        wait()
        walls = []
        for _ in range(runs + 1):
            start = time.perf_counter()
            process.stdin.write(f"{picture}\n".encode())
            wait()
            walls.append(1000 * (time.perf_counter() - start))
        process.stdin.close()
        process.wait()
        said.seek(0)
        printed = [1000 * float(line.split()[-2]) for line in said if "Predicted in" in line]
    # The first run is a warm-up.
    return statistics.median(walls[1:]), statistics.median(printed[1:])


def measure(arguments, name, folder):
    program = pathlib.Path(arguments.darknet).resolve()
    configuration = program.parent / "cfg" / f"{name}.cfg"
    weights, picture = folder / f"{name}.weights", folder / f"{name}.bmp"
    if not weights.exists():
        write_weights(configuration, weights)
    net = sections(configuration)[0][1]
    write_picture(picture, int(net["width"]), int(net["height"]))
    # On one thread the printed time is wall time, and the rest is the time to read the picture.
    wall, printed = darknet_times(program, configuration, weights, picture, 1, 5)
    reading = max(0, wall - printed)
    rows = []
    for threads in arguments.threads:
        ours, theirs = [], []
        for _ in range(arguments.rounds):
            command = [arguments.program, "bench", str(configuration), "--weights", str(weights), "--json"]
            command += ["--threads", str(threads), "--runs", str(arguments.runs)]
            ours.append(json.loads(checked(command))["plain"]["milliseconds"])
            theirs.append(darknet_times(program, configuration, weights, picture, threads, 5)[0] - reading)
        factors = [other / mine for mine, other in zip(ours, theirs)]
        row = {
            "threads": threads, "ours": statistics.median(ours), "darknet": statistics.median(theirs),
            "timesFaster": statistics.median(factors), "lowest": min(factors), "highest": max(factors),
        }
        rows.append(row)
        print(
            f"{name}: {threads} threads: {row['ours']:.2f} ms, Darknet {row['darknet']:.1f} ms, "
            f"{row['timesFaster']:.1f} times faster ({row['lowest']:.1f} to {row['highest']:.1f})", flush=True)
    return {"model": name, "readingMilliseconds": reading, "speed": rows}


def run(arguments):
    folder = pathlib.Path(arguments.networks)
    models = [measure(arguments, name, folder) for name in arguments.model or NETWORKS]
    report.write_darknet({
        "machine": report.processor(), "rounds": arguments.rounds, "runs": arguments.runs, "models": models,
    }, arguments.out)
