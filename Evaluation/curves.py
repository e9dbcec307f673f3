# SPDX-License-Identifier: Apache-2.0
"""`python3 Evaluation/curves.py`: does what 200 pictures say of an attacker with more agree with what more pictures find?

For each network and cut, `assess` runs with 200 of the pictures and with all of them. The interval of the first, at the
number of pictures that the attacks of the second learned from, should hold what the second measured. What was measured
already is kept, and Documentation/evaluation.md shows it.
"""

import argparse
import json
import pathlib
import shutil
import sys
import tarfile
import tempfile

import run

ROOT = pathlib.Path(__file__).resolve().parents[1]
FEW = 200
FOLDS = 5
# The default of `--attacker-pictures`.
ATTACKER = 100_000
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


def command(program, shared, model, cut, kind, images, pictures, attacker, threads, out, work):
    """Assesses one cut with so many of the pictures; `work` keeps what does not depend on the attacker's number."""
    models = shared / "models"
    second = SECOND[kind] if SECOND[kind] != model else "squeezenet-1.1" if kind == "photographs" else "resnet56-cifar10"
    return [
        program, "assess", models / model / "model.onnx", "--preprocess", models / model / "preprocess.json",
        "--images", images, "--validator", models / second / "model.onnx", "--validator-preprocess",
        models / second / "preprocess.json", "--cut", cut, "--adversary", "informed", "--trained", "none",
        "--bound-pictures", "0", "--white-box", "0", "--decoder-images", pictures, "--attacker-pictures", attacker,
        "--threads", threads, "--kl-images", "2", "--work", work, "--out", out]


def pair(program, shared, model, cut, kind, folder, threads, results):
    """The assessments of one cut: with a few of the pictures and with all, both for an attacker with as many as the latter
    learn from, and the verdict that the tool gives by default with a few."""
    total = len(list((folder / kind).iterdir()))
    few = min(FEW, total // 2)
    learned = total - -(-total // FOLDS)

    def measured(pictures, attacker, name="curve"):
        out = results / f"{name}-{model}-{cut}-{pictures}"
        work = results / f"work-curve-{model}-{cut}-{pictures}"
        words = command(program, shared, model, cut, kind, folder / kind, pictures, attacker, threads, out, work)
        return run.once(words, out / "assessment.json", results)

    return {"model": model, "cut": cut, "few": few, "all": total, "before": measured(few, learned),
            "verdict": measured(few, ATTACKER, "verdict"), "after": measured(total, learned)}


def compared(found, asset):
    """Lower end, estimate and upper end from a few pictures; what all of them found; whether that is inside."""
    before, after = (found[which]["cuts"][0]["assets"][asset] for which in ("before", "after"))
    # What was found at this cut alone; before there was `thisCut`, the asset's own numbers were that.
    before = before.get("thisCut", before)
    # The best of the attacks with all pictures; an attack's own interval is in its row.
    truth = max(curve["points"][-1]["value"] for curve in after["curves"])
    return before["lower"], before["estimate"], before["upper"], truth, before["lower"] <= truth <= before["upper"]


def kept(results):
    """The pairs that were measured with the largest number of pictures, without measuring anything."""
    found = []
    for model, cut, kind in PAIRS:
        def read(name, pictures):
            return json.loads((results / f"{name}-{model}-{cut}-{pictures}" / "assessment.json").read_text())

        counts = sorted(int(path.parent.name.rsplit("-", 1)[1])
                        for path in results.glob(f"curve-{model}-{cut}-*/assessment.json"))
        if len(counts) >= 2 and (results / f"verdict-{model}-{cut}-{counts[0]}" / "assessment.json").exists():
            found.append({
                "model": model, "cut": cut, "few": counts[0], "all": counts[-1], "before": read("curve", counts[0]),
                "verdict": read("verdict", counts[0]), "after": read("curve", counts[-1])})
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=ROOT / ".build/release/infenclave", help="the built infenclave")
    parser.add_argument("--results", type=pathlib.Path, default=ROOT / ".build/evaluation",
                        help="where measurements are kept; delete it to measure anew")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pictures", type=int, default=700, help="at most so many of each kind")
    parser.add_argument("--only", help="this network alone, or NETWORK/CUT")
    options = parser.parse_args()
    options.results.mkdir(parents=True, exist_ok=True)
    held, shown = {"appearance": 0, "identity": 0}, 0
    try:
        shared = run.shared_folder()
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary)
            for model, cut, kind in PAIRS:
                if options.only not in (None, model, f"{model}/{cut}"):
                    continue
                if not (folder / kind).exists():
                    (folder / kind).mkdir()
                    collect(shared, kind, folder / kind, options.pictures)
                found = pair(options.program, shared, model, cut, kind, folder, options.threads, options.results)
                shown += 1
                line = f"{model:18} {cut:34} {found['few']:4} -> {found['all']:4}"
                for asset in held:
                    lower, estimate, upper, truth, inside = compared(found, asset)
                    held[asset] += inside
                    line += f"  {asset} [{lower:.2f} {estimate:.2f} {upper:.2f}] {truth:.2f}{' ' if inside else '!'}"
                print(line, flush=True)
    except run.Failed as failure:
        sys.exit(f"error: {failure}")
    print(f"intervals that hold what {options.pictures} pictures found, of {shown}: "
          + ", ".join(f"{asset} {count}" for asset, count in held.items()))


if __name__ == "__main__":
    main()
