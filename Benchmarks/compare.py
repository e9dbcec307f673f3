# SPDX-License-Identifier: Apache-2.0
"""Compares `infenclave` with ONNX Runtime and OpenVINO on one machine: they run in turn, each in separate processes."""

import argparse
import importlib
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import numpy

import agreement
import networks
import report

HERE = pathlib.Path(__file__).resolve().parent


def ours(arguments, model, threads, precision, photographs):
    command = [arguments.program, "bench", str(model), "--threads", str(threads), "--runs", str(arguments.runs)]
    command += ["--precision", precision, "--json"]
    if photographs and precision != "f32":
        command += ["--calibration", str(photographs.calibration)]
    return json.loads(checked(command))["plain"]["milliseconds"]


def theirs(arguments, model, engine, threads, precision):
    command = [sys.executable, str(HERE / "theirs.py"), str(model), "--engine", engine, "--precision", precision]
    return json.loads(checked(command + ["--threads", str(threads), "--runs", str(arguments.runs)]))["milliseconds"]


THROUGHPUT_SECONDS = 2


def throughputs(arguments, model, precision, photographs, latency):
    """Inferences a second on all of --threads, medians of the rounds: ours with one on each thread, others at their best.
    `latency` is ours, in milliseconds: all are measured for about the same time."""
    threads, rates = max(arguments.threads), {}
    runs = max(arguments.runs, round(1000 * THROUGHPUT_SECONDS / latency / threads))
    for _ in range(arguments.rounds):
        command = [arguments.program, "bench", str(model), "--threads", str(threads), "--runs", str(runs)]
        command += ["--precision", precision, "--throughput", "--json"]
        if photographs and precision != "f32":
            command += ["--calibration", str(photographs.calibration)]
        rates.setdefault("ours", []).append(json.loads(checked(command))["throughput"])
        for engine in arguments.engines:
            kind = their_precision(engine, precision)
            command = [sys.executable, str(HERE / "theirs.py"), str(their_file(arguments, model, kind, photographs))]
            command += ["--engine", engine, "--precision", kind, "--threads", str(threads)]
            command += ["--throughput", str(THROUGHPUT_SECONDS)]
            rates.setdefault(engine, []).append(json.loads(checked(command))["throughput"])
    return {engine: statistics.median(values) for engine, values in rates.items()}


def their_precision(engine, precision):
    """The setting of another engine if ours computes in `precision`: OpenVINO has a hint for bf16, and NNCF for int8."""
    return precision if engine == "openvino" else "f32"


def their_file(arguments, model, precision, photographs):
    """The model file of an engine: for int8, OpenVINO's form of the model, calibrated on the same data as ours."""
    if precision != "int8":
        return model
    target = pathlib.Path(arguments.networks) / f"{model.parent.name}-{model.stem}-int8.xml"
    if not target.exists() or target.stat().st_mtime < model.stat().st_mtime:
        command = [sys.executable, str(HERE / "theirs.py"), str(model), "--quantize", str(target)]
        checked(command + (["--calibration", str(photographs.tensors[photographs.calibration])] if photographs else []))
    return target


def agreements(arguments, model, precision, photographs):
    """By engine, the share of the photographs whose first class is that in f32; nothing for f32 itself."""
    if not photographs or precision == "f32":
        return {}
    result = {"ours": agreement.ours(arguments.program, model, precision, photographs)}
    if "openvino" in arguments.engines:
        classes = {}
        for kind in ("f32", precision):
            classes[kind] = photographs.others.with_suffix(f".{kind}.npy")
            file = their_file(arguments, model, kind, photographs)
            checked([
                sys.executable, str(HERE / "theirs.py"), str(file), "--engine", "openvino", "--precision", kind, "--input",
                str(photographs.tensors[photographs.others]), "--classes", str(classes[kind]), "--threads", "2"])
        result["openvino"] = agreement.theirs(classes[precision], classes["f32"])
    return result


def checked(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError((done.stderr.strip() or f"{command[0]} ended with {done.returncode}").splitlines()[-1])
    return done.stdout


def first_results(arguments, model):
    """One run of each in a fresh process: agreement of the outputs, time to the first result, peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        given, mine, reference = (f"{folder}/{name}.npy" for name in ("input", "ours", "theirs"))
        shape = json.loads(checked([arguments.program, "inspect", str(model), "--json"]))["inputs"][0]["shape"]
        numpy.save(given, numpy.random.default_rng(1).standard_normal(shape, numpy.float32))
        command = [arguments.program, "run", str(model), "--input", given, "--output", mine, "--threads", "2", "--json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        peak = 0
        while process.poll() is None:
            # The peak memory of the process: `ru_maxrss` would begin with the memory of this process.
            peak = max(peak, peak_bytes(process.pid))
            time.sleep(0.001)
        if process.returncode != 0:
            raise RuntimeError(f"infenclave run ended with {process.returncode}")
        milliseconds = json.loads(process.stdout.read())["firstResultMilliseconds"]
        command = [sys.executable, str(HERE / "theirs.py"), str(model), "--threads", "2", "--runs", "1"]
        other = json.loads(checked(command + ["--input", given, "--output", reference]))
        a, b = numpy.load(mine), numpy.load(reference)
        return {
            "relativeDifference": float(numpy.abs(a - b).max() / numpy.abs(b).max()),
            "firstResultMilliseconds": {"ours": milliseconds, "theirs": other["firstResultMilliseconds"]},
            "peakBytes": {"ours": peak, "theirs": other["peakBytes"]},
        }


def peak_bytes(process):
    try:
        status = pathlib.Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    lines = [line.split() for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0][1]) * 1024 if lines else 0


def measure(arguments, name, model):
    with tempfile.TemporaryDirectory() as folder:
        try:
            photographs = agreement.Photographs(arguments.program, model, arguments.images, folder)
        except LookupError:
            photographs = None
        return measured(arguments, name, model, photographs)


def measured(arguments, name, model, photographs):
    result = {"model": name, "bytes": model.stat().st_size, "speed": []}
    try:
        result |= first_results(arguments, model)
    except (RuntimeError, KeyError) as problem:
        print(f"{name}: left out: {problem}", file=sys.stderr)
        return result | {"leftOut": str(problem)}
    agreement_of = {}
    for threads in arguments.threads:
        rounds = {precision: [] for precision in arguments.precisions}
        others = {}
        for _ in range(arguments.rounds):
            for precision in arguments.precisions:
                rounds[precision].append(ours(arguments, model, threads, precision, photographs))
            for engine in arguments.engines:
                for precision in {their_precision(engine, precision) for precision in arguments.precisions}:
                    file = their_file(arguments, model, precision, photographs)
                    time = theirs(arguments, file, engine, threads, precision)
                    others.setdefault((engine, precision), []).append(time)
        for precision, times in rounds.items():
            if precision not in agreement_of:
                agreement_of[precision] = agreements(arguments, model, precision, photographs)
            row = {"threads": threads, "precision": precision, "ours": statistics.median(times), "others": {}}
            row["agreement"] = agreement_of[precision]
            for engine in arguments.engines:
                base = others[engine, their_precision(engine, precision)]
                ratios = [mine / other for mine, other in zip(times, base)]
                row["others"][engine] = {
                    "precision": their_precision(engine, precision), "milliseconds": statistics.median(base),
                    "ratio": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios),
                }
            result["speed"].append(row)
            print(f"{name}: {threads} threads, {precision}: {row['ours']:.2f} ms" + "".join(
                f"; {report.NAMES[engine]} {other['milliseconds']:.2f} ms, ratio {other['ratio']:.2f} "
                f"({other['lowest']:.2f} to {other['highest']:.2f})" for engine, other in row["others"].items()) + "".join(
                f"; {report.NAMES.get(engine, engine)} agree {share:.1%}" for engine, share in row["agreement"].items()),
                flush=True)
    for precision in arguments.precisions if arguments.throughput else []:
        latency = next(row["ours"] for row in reversed(result["speed"]) if row["precision"] == precision)
        rates = throughputs(arguments, model, precision, photographs, latency)
        result.setdefault("throughput", []).append({
            "threads": max(arguments.threads), "precision": precision, "inferencesPerSecond": rates})
        print(f"{name}: throughput, {precision}: " + ", ".join(
            f"{report.NAMES.get(engine, engine)} {rate:.1f} a second" for engine, rate in rates.items()), flush=True)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=str(HERE.parent / ".build/release/infenclave"))
    parser.add_argument("--model", action="append", help="a network's name or an .onnx file; repeat it for more")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--precisions", nargs="+", default=["f32", "bf16", "int8"])
    parser.add_argument("--engines", nargs="+", default=["onnxruntime", "openvino"], choices=sorted(report.NAMES))
    parser.add_argument("--rounds", type=int, default=5, help="times that the two take turns")
    parser.add_argument("--runs", type=int, default=20, help="inferences in each turn")
    parser.add_argument("--networks", default=str(HERE / ".build/networks"), help="where generated networks are kept")
    parser.add_argument("--shared", default=str(HERE.parent.parent / "shared/models"), help="trained models, if any")
    parser.add_argument("--throughput", action="store_true", help="measure inferences a second too")
    parser.add_argument(
        "--images", type=pathlib.Path, default=HERE.parent.parent / "shared/images",
        help="photographs that calibrate, and that the answers are compared on")
    parser.add_argument("--darknet", help="Darknet's program, beside its cfg folder: compare with it instead")
    parser.add_argument("--out", default=str(HERE / ".build/results"))
    arguments = parser.parse_args()

    pathlib.Path(arguments.networks).mkdir(parents=True, exist_ok=True)
    if arguments.darknet:
        import darknet

        return darknet.run(arguments)
    trained = {path.parent.name: path for path in sorted(pathlib.Path(arguments.shared).glob("*/model.onnx"))}
    known = {*trained, *networks.ALL}
    for name in arguments.model or []:
        if name not in known and not pathlib.Path(name).is_file():
            parser.error(f"no model '{name}': give an .onnx file or one of {', '.join(sorted(known))}")
    load = os.getloadavg()[0]
    if load > 0.3:
        print(f"the machine is busy: load {load:.1f} before anything was measured", file=sys.stderr)
    results = []
    for name in arguments.model or [*trained, *networks.ALL]:
        if name in networks.ALL:
            path = networks.write(name, arguments.networks)
        else:
            path = trained.get(name, pathlib.Path(name))
        results.append(measure(arguments, path.parent.name if path.stem == "model" else path.stem, path))
    versions = {engine: importlib.import_module(engine).__version__.split("-")[0] for engine in arguments.engines}
    report.write({
        "machine": report.processor(), "system": platform.platform(), "engines": versions, "loadBefore": load,
        "processors": len(os.sched_getaffinity(0)), "rounds": arguments.rounds, "runs": arguments.runs, "models": results,
    }, arguments.out)


if __name__ == "__main__":
    main()
