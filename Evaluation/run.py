# SPDX-License-Identifier: Apache-2.0
"""Runs the program on every network of networks.py; what is there already is kept, so that a run can be interrupted."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import darknet
import networks


class Failed(Exception):
    """Something that the evaluation needs is not there, or a measurement failed."""


def shared_folder():
    named = os.environ.get("INFENCLAVE_SHARED")
    folder = pathlib.Path(named or pathlib.Path(__file__).resolve().parents[2] / "shared")
    needed = [f"models/{network.name}/model.onnx" for network in networks.TRAINED]
    needed += [f"images/{network.images}" for network in networks.TRAINED]
    needed += [f"models/darknet/{network.configuration}" for network in networks.PRICED]
    absent = sorted({path for path in needed if not (folder / path).exists()})
    if absent:
        raise Failed(
            f"{folder} lacks {', '.join(absent)}. The evaluation needs trained networks and pictures, which are not part "
            "of this repository: name the folder that holds them in INFENCLAVE_SHARED.")
    return folder


def assess(program, shared, network, threads, results, only_kept=False):
    """Leakage and cost of a trained network; its assessment.json. `only_kept`: None where it was not measured."""
    folder = results / network.name
    command = [
        program, "assess", shared / "models" / network.name / "model.onnx", "--images", shared / "images" / network.images,
        "--limit", networks.PICTURES, "--kl-images", networks.KL_PICTURES, "--seed", networks.SEED, "--out", folder,
        "--trained", "decision", "--threads", threads, "--work", results / f"work-{network.name}"]
    if network.validator:
        command += ["--validator", shared / "models" / network.validator / "model.onnx"]
        preprocess = shared / "models" / network.validator / "preprocess.json"
        if preprocess.exists():
            command += ["--validator-preprocess", preprocess]
    for cut in network.cuts:
        command += ["--cut", cut]
    return once(command, folder / "assessment.json", results, only_kept=only_kept)


def price(program, shared, network, threads, results, only_kept=False):
    """Cost alone of a network with random weights; `only_kept` as for `assess`."""
    configuration = shared / "models" / "darknet" / network.configuration
    weights = results / (configuration.stem + ".weights")
    if not weights.exists():
        darknet.write(configuration, weights, networks.SEED)
    model = [configuration, "--weights", weights]
    if only_kept and not (results / (configuration.stem + ".json")).exists():
        return None
    command = [
        program, "assess", *model, "--cost-only", "--enclave-memory", networks.ENCLAVE_BYTES, "--threads", threads, "--json"]
    for cut in evenly(cuts_of([program, "inspect", *model, "--json"]), network.cuts):
        command += ["--cut", cut]
    return once(
        command, results / (configuration.stem + ".json"), results, writes_standard_output=True, only_kept=only_kept)


def cuts_of(inspect):
    """Names of the cuts where one tensor crosses that is no mere step on the way to an activation."""
    described = json.loads(subprocess.run([str(word) for word in inspect], stdout=subprocess.PIPE, check=True).stdout)
    layers = described["layers"]
    names = []
    for index, cut in enumerate(described["cuts"][:-1]):
        following = layers[index + 1]["operator"]
        if cut["usable"] and len(cut["crossing"]) == 1 and following not in FOLDED:
            names.append(cut["name"])
    return names


FOLDED = ("BatchNormalization", "LeakyRelu", "Relu", "Flatten", "Reshape", "Softmax", "Identity")


def evenly(values, count):
    """At most `count` of the values, the first and the last among them."""
    if len(values) <= count:
        return values
    return [values[round(index * (len(values) - 1) / (count - 1))] for index in range(count)]


def once(command, target, results, writes_standard_output=False, only_kept=False):
    """Runs the command unless the same one left its result; keeps the command and how long it took beside it.

    `only_kept`: runs nothing; None where the same command left no result."""
    note = results / ((target.stem if writes_standard_output else target.parent.name) + ".run")
    words = [str(word) for word in command]
    # Where the program and the shared folder lie makes no difference.
    options = [pathlib.Path(word).name if "/" in word else word for word in words[1:]]
    begun = json.loads(note.read_text()) if note.exists() else {}
    begun = begun if begun.get("options") == options else {}
    known = begun if target.exists() else {}
    if not known and only_kept:
        return None
    if not known:
        print("$", " ".join(words), flush=True)
        start, before = time.time(), os.times()
        printed, stages = watched(words)
        if writes_standard_output:
            target.write_text(printed)
        after = os.times()
        processor = after.children_user + after.children_system - before.children_user - before.children_system
        # A run that goes on from kept pieces adds to what they took.
        known = {"options": options, "seconds": begun.get("seconds", 0) + time.time() - start,
                 "processorSeconds": begun.get("processorSeconds", 0) + processor,
                 "stages": {stage: begun.get("stages", {}).get(stage, 0) + seconds for stage, seconds in stages.items()}}
        note.write_text(json.dumps(known, indent=2) + "\n")
    return json.loads(target.read_text()) | {"run": known}


PROGRESS = re.compile(r"([a-z][A-Za-z ]*): \d+ of \d+")


def watched(words):
    """Runs a program to its end: its standard output, and the processor seconds of each stage of which it reports progress.

    A line of progress counts what was used since the line before for its own stage. There is one at the end of each stage."""
    stages, used = {}, 0.0
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.PIPE, text=True)
        with process.stderr:
            for line in process.stderr:
                sys.stderr.write(line)
                if match := PROGRESS.match(line):
                    now = processor_seconds(process.pid)
                    stages[match[1]] = stages.get(match[1], 0) + now - used
                    used = now
        if process.wait() != 0:
            raise Failed(f"'{' '.join(words)}' ended with status {process.returncode}")
        output.seek(0)
        return output.read(), stages


def processor_seconds(pid):
    """User and system time of all threads of a process that was not waited for yet (proc(5), fields 14 and 15)."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
