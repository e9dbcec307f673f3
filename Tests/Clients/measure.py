# SPDX-License-Identifier: Apache-2.0
"""Measures the time that the proxy adds to the Swift client's, and whether its memory or its descriptors grow:
`INFENCLAVE_BIN=… python3 measure.py`.

The model is squeezenet 1.1 of the shared files where INFENCLAVE_SHARED names them (pictures of 224x224), else the demo's
(64x64). Both ways send the same u8 tensor to the same server, one request at a time, alternately in blocks.
"""

import http.client
import json
import os
import statistics
import struct
import subprocess
import sys
import time
from pathlib import Path

from service import BIN, Deployment

BLOCK, BLOCKS, REQUESTS = 50, 6, 1000
BAR_MILLISECONDS = 1.5
# A probe of the server that comes during a request opens a second connection, which is kept.
SPARE_DESCRIPTORS = 4


def deployment():
    """The deployment, the model's name, and the side of its pictures."""
    shared = Path(os.environ.get("INFENCLAVE_SHARED") or "../../../shared").resolve()
    model = shared / "models" / "squeezenet-1.1" / "model.onnx"
    if not model.exists():
        if os.environ.get("INFENCLAVE_SHARED_REQUIRED"):
            raise FileNotFoundError(f"INFENCLAVE_SHARED_REQUIRED is set, and {model} is missing")
        return Deployment(), "classifier", 64
    described = subprocess.run([BIN / "infenclave", "inspect", model, "--json"], capture_output=True, check=True)
    last = json.loads(described.stdout)["layers"][-1]["name"]
    labels = shared / "models" / "labels" / "imagenet-1k.txt"
    return Deployment(model, labels, cut=(last, last)), model.stem, 224


def npy(side):
    """A u8 tensor as a .npy file, and its bytes."""
    pixels = bytes(i % 251 for i in range(side * side * 3))
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': (1, {side}, {side}, 3), }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + pixels, pixels


def resident(process):
    for line in Path(f"/proc/{process}/status").read_text().split("\n"):
        if line.startswith("VmRSS"):
            return int(line.split()[1])


def descriptors(process):
    return len(os.listdir(f"/proc/{process}/fd"))


class ProxyConnection:
    def __init__(self, address, model, pixels, side, name):
        header = json.dumps({
            "inputs": [{"name": name, "shape": [1, side, side, 3], "datatype": "UINT8",
                        "parameters": {"binary_data_size": len(pixels)}}],
            "outputs": [{"name": "LABELS"}]}).encode()
        self.connection = http.client.HTTPConnection(address)
        self.body = header + pixels
        self.path = f"/v2/models/{model}/infer"
        self.headers = {"Inference-Header-Content-Length": str(len(header))}

    def milliseconds(self):
        start = time.perf_counter()
        self.connection.request("POST", self.path, self.body, self.headers)
        answer = self.connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content
        return (time.perf_counter() - start) * 1000


def main():
    service, model, side = deployment()
    server = service.serve()
    service.provision(server.address)
    proxy = service.proxy(server.address)
    proxy.wait("served by")
    try:
        file, pixels = npy(side)
        (service.folder / "input.npy").write_bytes(file)
        connection = http.client.HTTPConnection(proxy.address)
        connection.request("GET", f"/v2/models/{model}")
        name = json.load(connection.getresponse())["inputs"][0]["name"]
        through = ProxyConnection(proxy.address, model, pixels, side, name)
        direct, proxied = [], []
        for block in range(BLOCKS + 1):
            answers = service.run(
                "classify", "--server", server.address, "--policy", "policy.json", "--tee", "development", "--token",
                "client.token", "--json", *["input.npy"] * BLOCK)
            times = [json.loads(line)["milliseconds"]["request"] for line in answers.strip().split("\n")]
            others = [through.milliseconds() for _ in range(BLOCK)]
            if block > 0:
                direct += times
                proxied += others
        overhead = statistics.median(proxied) - statistics.median(direct)
        print(f"{side}x{side}: Swift client {statistics.median(direct):.2f} ms, through the proxy "
              f"{statistics.median(proxied):.2f} ms, overhead {overhead:.2f} ms (medians of {len(direct)})")
        before, opened = resident(proxy.process.pid), descriptors(proxy.process.pid)
        for _ in range(REQUESTS):
            through.milliseconds()
        after, left = resident(proxy.process.pid), descriptors(proxy.process.pid)
        print(f"memory of the proxy: {before / 1024:.1f} MiB, {after / 1024:.1f} MiB after {REQUESTS} more requests")
        print(f"descriptors of the proxy: {opened}, {left} after them")
        return 0 if overhead <= BAR_MILLISECONDS and after - before < 4096 and left - opened <= SPARE_DESCRIPTORS else 1
    finally:
        proxy.stop()
        server.stop()
        service.remove()


if __name__ == "__main__":
    sys.exit(main())
