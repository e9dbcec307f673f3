# SPDX-License-Identifier: Apache-2.0
"""`python3 Evaluation/curves.py`: does what 200 pictures say of an attacker with more agree with what more pictures find?

For each network and cut, `assess` runs with 200 of the pictures and with all of them. The interval of the first, at the
number of pictures that the attacks of the second learned from, should hold what the second measured. Ten minutes of two
cores.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

import run

ROOT = pathlib.Path(__file__).resolve().parents[1]
FEW = 200
FOLDS = 5
PAIRS = [
    ("squeezenet-1.1", "flatten_57", "photographs"),
    ("mobilenet-v2-1.0", "average_pool_2d_62", "photographs"),
    ("mobilenet-v2-1.0", "reshape_64", "photographs"),
    ("mobilenet-v1-0.25", "global_average_pooling2d_1", "photographs"),
    ("mobilenet-v1-0.25", "reshape_2", "photographs"),
    ("tiny-darknet", "layer20_avgpool_flat", "photographs"),
    ("resnet20-cifar10", "flatten", "cifar10"),
    ("resnet20-cifar10", "linear", "cifar10"),
    ("resnet56-cifar10", "flatten", "cifar10"),
    ("resnet56-cifar10", "linear", "cifar10"),
    ("malaria-cells", "global_average_pooling2d_1_flatten", "cells"),
]
SECOND = {"photographs": "mobilenet-v2-1.0", "cifar10": "resnet20-cifar10", "cells": "squeezenet-1.1"}


def collect(shared, kind, folder, count):
    """Copies at most `count` pictures of a kind into `folder`, spread over the names."""
    images = shared / "images"
    if kind == "cifar10":
        with tarfile.open(images / "cifar10-train.tar") as archive:
            members = sorted((m for m in archive.getmembers() if m.isfile()), key=lambda m: m.name)
            for member in members[:: max(1, len(members) // count)][:count]:
                (folder / pathlib.PurePath(member.name).name).write_bytes(archive.extractfile(member).read())
        return
    folders = {"photographs": ("imagenet", "imagenet-more"), "cells": ("malaria", "malaria-more")}[kind]
    files = sorted(path for name in folders for path in (images / name).iterdir())
    for path in files[:count]:
        shutil.copy(path, folder / f"{path.parent.name}-{path.name}")


def assess(program, shared, model, cut, kind, images, pictures, attacker, threads, folder):
    """The assets of one cut, as `assess` measured them with so many of the pictures."""
    models = shared / "models"
    second = SECOND[kind] if SECOND[kind] != model else "squeezenet-1.1" if kind == "photographs" else "resnet56-cifar10"
    out = folder / f"{model}-{cut}-{pictures}"
    command = [
        program, "assess", models / model / "model.onnx", "--preprocess", models / model / "preprocess.json",
        "--images", images, "--validator", models / second / "model.onnx", "--validator-preprocess",
        models / second / "preprocess.json", "--cut", cut, "--adversary", "informed", "--trained", "none",
        "--bound-pictures", "0", "--white-box", "0", "--decoder-images", str(pictures), "--attacker-pictures",
        str(attacker), "--threads", str(threads), "--kl-images", "2", "--out", out]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        raise run.Failed(f"{model} {cut}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads((out / "assessment.json").read_text())["cuts"][0]["assets"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=ROOT / ".build/release/infenclave", help="the built infenclave")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pictures", type=int, default=700, help="at most so many of each kind")
    parser.add_argument("--only", help="this network alone")
    options = parser.parse_args()
    held, shown = {"appearance": 0, "identity": 0}, 0
    try:
        shared = run.shared_folder()
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary)
            for kind in SECOND:
                (folder / kind).mkdir()
                collect(shared, kind, folder / kind, options.pictures)
            for model, cut, kind in PAIRS:
                if options.only not in (None, model):
                    continue
                total = len(list((folder / kind).iterdir()))
                few = min(FEW, total // 2)
                learned = total - -(-total // FOLDS)

                def measured(pictures):
                    return assess(options.program, shared, model, cut, kind, folder / kind, pictures, learned,
                                  options.threads, folder)

                before, after = measured(few), measured(total)
                shown += 1
                line = f"{model:18} {cut:34} {few:4} -> {total:4}"
                for asset in held:
                    # The best of the attacks with all pictures; an attack's own interval is in its row.
                    truth = max(curve["points"][-1]["value"] for curve in after[asset]["curves"])
                    interval = before[asset]["lower"], before[asset]["upper"]
                    inside = interval[0] <= truth <= interval[1]
                    held[asset] += inside
                    line += f"  {asset} [{interval[0]:.2f} {before[asset]['estimate']:.2f} {interval[1]:.2f}]"
                    line += f" {truth:.2f}{' ' if inside else '!'}"
                print(line, flush=True)
    except run.Failed as failure:
        sys.exit(f"error: {failure}")
    print(f"intervals that hold what {options.pictures} pictures found, of {shown}: "
          + ", ".join(f"{asset} {count}" for asset, count in held.items()))


if __name__ == "__main__":
    main()
