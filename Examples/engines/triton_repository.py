# SPDX-License-Identifier: Apache-2.0
"""Makes a model repository of Triton from a bundle.

    python3 triton_repository.py BUNDLE.infenclave NAME REPOSITORY [--backend onnxruntime|python] [--instances N]

With `onnxruntime`, the default, Triton's own container images serve it. `python` is for a Triton that has no such backend."""

import argparse
import json
import os
import shutil


def tensors(kind, listed):
    lines = []
    for tensor in listed:
        dimensions = ", ".join(str(extent) for extent in tensor["shape"])
        lines.append(f'  {{ name: {json.dumps(tensor["tensor"])} data_type: TYPE_FP32 dims: [ {dimensions} ] }}')
    return f"{kind} [\n" + ",\n".join(lines) + "\n]\n"


def make(bundle, name, repository, backend="onnxruntime", instances=1):
    with open(os.path.join(bundle, "manifest.json")) as file:
        boundary = json.load(file)["boundary"]
    if not boundary["toBackNet"]:
        raise SystemExit(f"{bundle}: all layers are inside; there is nothing for an engine to run")
    version = os.path.join(repository, name, "1")
    os.makedirs(version, exist_ok=True)
    shutil.copyfile(os.path.join(bundle, "backnet.onnx"), os.path.join(version, "model.onnx"))
    if backend == "python":
        here = os.path.dirname(os.path.abspath(__file__))
        shutil.copyfile(os.path.join(here, "triton", "model.py"), os.path.join(version, "model.py"))
    # The batch is one of the BackNet's own dimensions, so Triton must add none.
    config = f'name: "{name}"\nbackend: "{backend}"\nmax_batch_size: 0\n'
    config += tensors("input", boundary["toBackNet"]) + tensors("output", boundary["fromBackNet"])
    config += f"instance_group [ {{ count: {instances} kind: KIND_CPU }} ]\n"
    with open(os.path.join(repository, name, "config.pbtxt"), "w") as file:
        file.write(config)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle")
    parser.add_argument("name")
    parser.add_argument("repository")
    parser.add_argument("--backend", choices=["onnxruntime", "python"], default="onnxruntime")
    parser.add_argument("--instances", type=int, default=1, help="requests that are computed at a time")
    arguments = parser.parse_args()
    make(arguments.bundle, arguments.name, arguments.repository, arguments.backend, arguments.instances)
