# SPDX-License-Identifier: Apache-2.0
"""Puts `infenclave serve` and alternative servers under load on one machine, in turn."""

import argparse
import os
import pathlib
import platform
import statistics
import sys

import contenders
import overload
import report

HERE = pathlib.Path(__file__).resolve().parent


def model_file(name, arguments):
    """A file, a trained model of the shared folder, or one of the networks with random weights."""
    if pathlib.Path(name).is_file():
        return pathlib.Path(name)
    trained = pathlib.Path(arguments.shared) / name / "model.onnx"
    if trained.is_file():
        return trained
    sys.path.insert(0, str(HERE.parent))
    import networks

    pathlib.Path(arguments.networks).mkdir(parents=True, exist_ok=True)
    return pathlib.Path(networks.write(name, arguments.networks))


def ours_options(text):
    """`default`, or `WxT` for workers and threads."""
    if text == "default":
        return []
    workers, threads = text.split("x")
    return ["--workers", workers, "--threads", threads]


def rivals(arguments, model, folder):
    made = [
        (f"infenclave {text}", contenders.Ours(arguments.program, model, folder, ours_options(text)))
        for text in arguments.ours]
    for text in arguments.theirs:
        workers, threads = (int(number) for number in text.split("x"))
        made.append((
            f"FastAPI, ONNX Runtime {text}", contenders.Theirs(arguments.program, model, folder, workers, threads)))
    for text in arguments.triton:
        instances, threads = (int(number) for number in text.split("x"))
        made.append((
            f"Triton, ONNX Runtime {text}", contenders.Triton(arguments.program, model, folder, instances, threads)))
    return made


def measure(arguments, name):
    model = model_file(name, arguments)
    label = model.parent.name if model.stem == "model" else model.stem
    samples, engine = {}, []
    with contenders.temporary_folder() as folder:
        made = rivals(arguments, model, folder)
        for _ in range(arguments.rounds):
            engine.append(contenders.engine_throughput(arguments.program, model, arguments.processors, arguments.runs))
            for rival, contender in made:
                with contender.running():
                    for connections in arguments.connections:
                        samples.setdefault((rival, connections), []).append(contender.load(
                            "--connections", connections, "--seconds", arguments.seconds, "--warm-up", arguments.warm_up,
                            "--seal-before", arguments.seal_before))
                        print(
                            f"{label}, {rival}, {connections} connections: "
                            f"{samples[rival, connections][-1]['answeredPerSecond']:.1f} a second", flush=True)
        median = lambda values: statistics.median(values)
        result = {"model": label, "engine": {
            "perSecond": median([perSecond for perSecond, _ in engine]),
            "milliseconds": median([milliseconds for _, milliseconds in engine]), "rounds": engine}, "rows": []}
        for (rival, connections), loads in samples.items():
            for load in loads:
                if load["failures"] or not load["answered"]:
                    raise RuntimeError(f"{rival}: failures under load: {load['failures']}")
            result["rows"].append({
                "name": rival, "connections": connections,
                "perSecond": median([load["answeredPerSecond"] for load in loads]),
                # In interleaved rounds, so that the machine's other load affects both.
                "ofEngine": median([load["answeredPerSecond"] / own[0] for load, own in zip(loads, engine)]),
                "p50": median([load["milliseconds"]["p50"] for load in loads]),
                "p99": median([load["milliseconds"]["p99"] for load in loads]),
                "clientMilliseconds": median([
                    1000 * load["clientProcessorSeconds"] / max(1, load["answered"]) for load in loads]),
                "rounds": loads,
            })
        if arguments.overload:
            ours = contenders.Ours(arguments.program, model, folder, ours_options(arguments.ours[0]))
            result["overload"] = overload.measure(ours, arguments.overload, 64, 192)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=str(HERE.parent.parent / ".build/release/infenclave"))
    parser.add_argument("--model", action="append", help="a trained model's name, a network's, or an .onnx file; repeat it")
    parser.add_argument("--ours", nargs="*", default=["default"], help="default, or WxT: workers and threads of serve")
    parser.add_argument("--theirs", nargs="*", default=None, help="WxT: workers of uvicorn, threads of ONNX Runtime")
    parser.add_argument("--triton", nargs="*", default=[], help="WxT: instances of Triton's Python backend, threads of ONNX Runtime")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--warm-up", type=float, default=2)
    parser.add_argument("--runs", type=int, default=50, help="inferences of the engine alone in a round, on each thread")
    parser.add_argument("--seal-before", type=int, default=0, help="requests that are sealed before the first is sent")
    parser.add_argument("--overload", type=float, nargs="?", const=300, help="seconds at twice what it can take; 300")
    parser.add_argument("--short", action="store_true", help="some seconds, which show that all of it works")
    parser.add_argument("--networks", default=str(HERE.parent / ".build/networks"), help="where generated networks are kept")
    parser.add_argument("--shared", default=str(HERE.parent.parent.parent / "shared/models"), help="trained models, if any")
    parser.add_argument("--out", default=str(HERE.parent / ".build/results"))
    arguments = parser.parse_args()
    arguments.processors = len(os.sched_getaffinity(0))
    if arguments.theirs is None:
        arguments.theirs = [] if arguments.short else [f"1x{arguments.processors}", f"{arguments.processors}x1"]
    if arguments.short:
        arguments.rounds, arguments.seconds, arguments.warm_up, arguments.runs = 1, 1, 0.2, 2
    arguments.model = arguments.model or ["squeezenet-1.1", "resnet50"]
    before = os.getloadavg()[0]
    if before > 0.3:
        print(f"the machine is busy: load {before:.1f} before anything was measured", file=sys.stderr)
    models = [measure(arguments, name) for name in arguments.model]
    report.write({
        "machine": report.processor(), "system": platform.platform(), "processors": arguments.processors,
        "loadBefore": before, "rounds": arguments.rounds, "seconds": arguments.seconds, "models": models,
    }, arguments.out)
    faults = [fault for model in models for fault in model.get("overload", {}).get("faults", [])]
    for fault in faults:
        print(f"not as it has to be: {fault}", file=sys.stderr)
    # A run of a few seconds on a busy machine says nothing about times.
    return 1 if faults and not arguments.short else 0


if __name__ == "__main__":
    sys.exit(main())
