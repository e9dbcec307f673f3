# SPDX-License-Identifier: Apache-2.0
"""Counts false alarms of the owner's audit: honest engines in f32, every result computed again inside the enclave.

    python3 scripts/audit_check.py FOLDER-OF-PROGRAMS [--requests 100000] [--engines triton,mlserver,kserve]
        [--environments DIR] [--measure]

Each engine, with ONNX Runtime, runs the BackNet of the demo's model at two cuts for its share of the requests, each with a different
picture; all engines run concurrently. The enclave computes with oneDNN. Any mismatch fails the check. A request takes about 10 ms of one
core.

--measure counts instead how many wrong results are found at P = 1, 5 and 20 %, and measures the cost of an audit for the
enclave."""

import argparse
import http.server
import itertools
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from concurrent import futures

from engine_check import ROOT, Check, Engines, Process, Service, address

CUTS = ["stem.pool", "stage2.pool"]
SIDE = 64
CLIENTS = 2


def picture(source):
    """A BMP of 64 x 64 pixels: noise, or blocks of colours with more or less contrast."""
    if source.random() < 0.3:
        pixels = source.randbytes(SIDE * SIDE * 3)
    else:
        block = source.choice([4, 8, 16, 32])
        low = source.randrange(200)
        high = source.randrange(low + 1, 256)
        colours = lambda: bytes(source.randrange(low, high + 1) for _ in range(3))
        rows = (b"".join(colours() * block for _ in range(SIDE // block)) * block for _ in range(SIDE // block))
        pixels = b"".join(rows)
    header = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54 + len(pixels), 0, 0, 54, 40, SIDE, SIDE, 1, 24, 0, len(pixels), 2835, 2835, 0, 0)
    return header + pixels


def classify(service, check, count, seed):
    """Sends pictures in several concurrent clients until `count` are answered; each command attests once. On a busy machine an
    engine may be late and a command fail; then another command continues."""
    commands, left, lock, failures = itertools.count(), [count], threading.Lock(), []

    def client(number):
        folder = check.file(f"pictures-{number}")
        os.makedirs(folder, exist_ok=True)
        while True:
            with lock:
                size = min(200, left[0])
                if not size or len(failures) > 100:
                    return
                left[0] -= size
                source = random.Random(f"{seed} {next(commands)}")
            paths = []
            for index in range(size):
                paths.append(os.path.join(folder, f"{index}.bmp"))
                with open(paths[-1], "wb") as file:
                    file.write(picture(source))
            done = subprocess.run(
                service.arguments(paths), text=True, capture_output=True,
                env={**os.environ, "XDG_STATE_HOME": check.folder})
            if done.returncode:
                with lock:
                    left[0] += size - len(done.stdout.splitlines())
                    failures.append(done.stderr)
                time.sleep(1)

    clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    if left[0]:
        raise SystemExit(f"audit-check: {len(failures)} commands failed: {failures[-1]}")


def run(arguments, kind, cut, count, folder):
    os.mkdir(folder)
    started = time.monotonic()
    check = Check(os.path.abspath(arguments.programs), folder, front=cut)
    engine = Engines(kind, arguments.environments, folder, check.bundle).start(0)
    service = Service(check, "serve", ["--backnet", address("http", engine), "--backnet-timeout", "60"],
        ["--audit", "100%"])
    try:
        classify(service, check, count, f"{arguments.seed} {kind} {cut}")
        counts = service.provision()["audit"]
    finally:
        service.process.kill(signal.SIGTERM)
        engine[0].kill()
    if counts["audited"] < count or counts["mismatches"] or counts["withoutHost"]:
        raise SystemExit(f"audit-check: {kind}, cut after {cut}: of {count} results the enclave counted {counts}")
    rate = counts["audited"] / (time.monotonic() - started)
    print(
        f"{kind}, cut after {cut}: {counts['audited']} results computed again, none of them wrong ({rate:.0f} a second)",
        flush=True)
    return counts["audited"]


class Liar(http.server.BaseHTTPRequestHandler):
    """An engine that forwards the host's probe to a real one, and returns that answer for every other request."""

    protocol_version = "HTTP/1.1"
    target, known, lock = None, None, threading.Lock()

    def do_GET(self):
        self.reply({}, b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        with self.lock:
            if not Liar.known:
                headers = {name: self.headers[name] for name in ("content-type", "inference-header-content-length")}
                request = urllib.request.Request(f"http://127.0.0.1:{self.target}{self.path}", body, headers)
                with urllib.request.urlopen(request) as answer:
                    Liar.known = {"inference-header-content-length": answer.headers["inference-header-content-length"]}, answer.read()
        self.reply(*Liar.known)

    def reply(self, headers, body):
        self.send_response(200)
        for name, value in {**headers, "content-length": len(body)}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def detect(arguments, folder):
    """Counts the wrong results that an audit finds."""
    check = Check(os.path.abspath(arguments.programs), folder)
    Liar.target = Engines("triton", arguments.environments, folder, check.bundle).start(0)[1]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for percent in (1, 5, 20):
        service = Service(
            check, f"serve-{percent}", ["--backnet", f"oip+http://127.0.0.1:{server.server_port}/backnet"],
            ["--audit", f"{percent}%", "--audit-mismatches", "1000000"])
        classify(service, check, arguments.requests, f"{arguments.seed} {percent}")
        counts = service.provision()["audit"]
        service.process.kill(signal.SIGTERM)
        share, found, results = percent / 100, counts["mismatches"], counts["results"]
        if counts["audited"] != found or results < arguments.requests:
            raise SystemExit(f"audit-check: {counts}, where {arguments.requests} results were wrong")
        deviation = (results * share * (1 - share)) ** 0.5
        print(
            f"P = {percent} %: of {results} wrong results {found} were found, {100 * found / results:.2f} %, "
            f"{(found - share * results) / deviation:+.1f} deviations from P", flush=True)
        if found < share * results - 4 * deviation:
            raise SystemExit("audit-check: fewer than four deviations below P were found, once in 30,000 runs by chance")
    server.shutdown()


def cost(arguments, folder):
    """The processor time of the enclave for a request, MobileNet-v2 with the host's own engine."""
    check = Check(os.path.abspath(arguments.programs), folder, arguments.shared)
    service = Service(check, "serve", [])

    def fields(pid):
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(") ", 1)[1].split()

    def milliseconds():
        return (int(fields(enclave)[11]) + int(fields(enclave)[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    processes = [pid for pid in os.listdir("/proc") if pid.isdigit()]
    host = str(service.process.process.pid)
    enclave = next(pid for pid in processes if os.path.exists(f"/proc/{pid}") and fields(pid)[1] == host)

    for percent in (0, 1, 5, 20, 100, 0):
        service.provisioned = ["--audit", f"{percent}%"] if percent else []
        service.provision()
        service.classify(check.pictures)
        before, count = milliseconds(), 0
        for _ in range(max(1, arguments.requests // 100)):
            count += len(service.classify(check.pictures))
        print(f"P = {percent} %: {(milliseconds() - before) / count:.2f} ms of the enclave for a request, mean of {count}", flush=True)


def stop(*_):
    """Ends the engines with this process; the clients then fail, and end as well."""
    end()
    sys.exit(1)


def end():
    for process in Process.started:
        process.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("programs")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--engines", default="triton,mlserver,kserve")
    parser.add_argument("--environments", default=os.path.join(ROOT, ".build", "engines"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--shared", default=os.environ.get("INFENCLAVE_SHARED", os.path.join(os.path.dirname(ROOT), "shared")))
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, stop)
    if arguments.measure:
        with tempfile.TemporaryDirectory(prefix="audit-check-") as folder:
            os.mkdir(os.path.join(folder, "cost"))
            detect(arguments, folder)
            cost(arguments, os.path.join(folder, "cost"))
        return
    runs = [(kind, cut) for kind in arguments.engines.split(",") for cut in CUTS]
    counts = [arguments.requests // len(runs) + (index < arguments.requests % len(runs)) for index in range(len(runs))]
    with tempfile.TemporaryDirectory(prefix="audit-check-") as folder:
        with futures.ThreadPoolExecutor(len(runs)) as pool:
            started = [
                pool.submit(run, arguments, kind, cut, count, os.path.join(folder, f"{kind}-{cut}"))
                for (kind, cut), count in zip(runs, counts)]
            audited = sum(finished.result() for finished in started)
    print(f"{audited} audits, 0 false alarms")


if __name__ == "__main__":
    try:
        main()
    finally:
        end()
