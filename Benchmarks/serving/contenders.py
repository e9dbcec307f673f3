# SPDX-License-Identifier: Apache-2.0
"""The servers that are put under load, each in separate processes."""

import contextlib
import json
import math
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent


def checked(command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} {command[1]} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


class Process:
    """A server that runs until it is stopped, with its output in a file."""

    def __init__(self, command, folder, environment=None):
        self.log = pathlib.Path(folder) / f"{pathlib.Path(str(command[0])).name}-{time.monotonic_ns()}.log"
        with open(self.log, "w") as output:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdout=output, stderr=output, env=environment, start_new_session=True)

    def wait_for(self, condition, what, seconds=180):
        end = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"no {what}: {self.log.read_text()[-500:]}")
            time.sleep(0.02)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                # A separate process group, which contains only this server.
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def tree(self):
        """Identifiers of the process and of its descendants."""
        parents = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                    parents.setdefault(int(fields[1]), []).append(int(entry.name))
        found, open_ones = [], [self.process.pid]
        while open_ones:
            identifier = open_ones.pop()
            found.append(identifier)
            open_ones += parents.get(identifier, [])
        return found

    def usage(self):
        """Resident bytes and processor seconds of the tree."""
        resident, seconds = 0, 0.0
        for identifier in self.tree():
            with contextlib.suppress(OSError):
                fields = pathlib.Path(f"/proc/{identifier}/stat").read_text().rpartition(")")[2].split()
                seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
                resident += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        return resident, seconds


class Ours:
    """`infenclave serve` with everything inside the development TEE."""

    name = "infenclave"

    def __init__(self, program, model, folder, serve_options=()):
        self.program, self.model, self.folder = program, model, pathlib.Path(folder)
        self.serve_options = list(serve_options)
        self.bundle = self.folder / "model.infenclave"
        if not self.bundle.exists():
            self.prepare()

    def prepare(self):
        described = json.loads(checked([self.program, "inspect", self.model, "--json"]))
        classes = math.prod(described["outputs"][0]["shape"])
        (self.folder / "labels.txt").write_text("".join(f"class {index}\n" for index in range(classes)))
        last = described["cuts"][-1]["name"]
        checked([self.program, "keygen", "owner", "--out", self.folder / "owner.key"])
        checked([self.program, "keygen", "token", "--out", self.folder / "client.token"])
        checked([
            self.program, "partition", self.model, "--front", last, "--mapping", last, "--labels",
            self.folder / "labels.txt", "--out", self.bundle, "--key-out", self.folder / "model.key", "--owner-key",
            self.folder / "owner.key"])
        checked([
            self.program, "policy", self.bundle, "--tee", "development", "--development-key", self.folder / "tee.key",
            "--out", self.folder / "policy.json"])

    @contextlib.contextmanager
    def running(self):
        server = Process([
            self.program, "serve", self.bundle, "--tee", "development", "--development-key", self.folder / "tee.key",
            "--listen", "127.0.0.1:0", "--admin-listen", "none", *self.serve_options], self.folder)
        try:
            found = server.wait_for(lambda: re.search(r"serving .* at (http://\S+)", server.log.read_text()), "address")
            self.url = found[1]
            checked([
                self.program, "provision", *self.target(), "--key", self.folder / "model.key", "--owner-key",
                self.folder / "owner.key", "--client-token", self.folder / "client.token", "--requests", 4_000_000_000,
                "--per-minute", 4_000_000_000])
            yield server
        finally:
            server.stop()

    def target(self):
        return ["--server", self.url, "--policy", self.folder / "policy.json", "--tee", "development"]

    def load(self, *options):
        command = [self.program, "load", *self.target(), "--token", self.folder / "client.token", "--json", *options]
        return json.loads(checked(command))


class Theirs:
    """ONNX Runtime behind FastAPI and uvicorn."""

    name = "fastapi"

    def __init__(self, program, model, folder, workers, threads):
        self.program, self.model, self.folder = program, model, folder
        self.workers, self.threads = workers, threads
        shape = json.loads(checked([program, "inspect", model, "--json"]))["inputs"][0]["shape"]
        self.bytes = shape[1] * shape[2] * shape[3]

    @contextlib.contextmanager
    def running(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = dict(os.environ, MODEL=str(self.model), THREADS=str(self.threads))
        server = Process([
            sys.executable, "-m", "uvicorn", "theirs:app", "--app-dir", HERE, "--host", "127.0.0.1", "--port", port,
            "--workers", self.workers, "--no-access-log", "--log-level", "warning"], self.folder, environment)
        try:
            self.url = f"http://127.0.0.1:{port}/classify"
            server.wait_for(lambda: self.answers(port), "answer of uvicorn")
            # With several workers, each has to have loaded the model.
            time.sleep(2 if self.workers > 1 else 0)
            yield server
        finally:
            server.stop()

    @staticmethod
    def answers(port):
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
                return answer.status == 200
        return False

    def load(self, *options):
        command = [self.program, "load", "--server", self.url, "--plain-bytes", self.bytes, "--json", *options]
        # Its requests are not encrypted.
        words, skipped = [], False
        for word in command:
            if skipped:
                skipped = False
            elif word == "--seal-before":
                skipped = True
            else:
                words.append(word)
        return json.loads(checked(words))


class Triton:
    """Triton from its wheel, with ONNX Runtime in the Python backend, the only one in the wheel. It gets the network's float32
    input."""

    name = "triton"

    def __init__(self, program, model, folder, instances, threads):
        sys.path.insert(0, str(HERE.parent.parent / "scripts"))
        import engine_check

        self.program = program
        described = json.loads(checked([program, "inspect", model, "--json"]))
        listed = lambda tensors: [{"tensor": tensor["name"], "shape": tensor["shape"]} for tensor in tensors]
        bundle = pathlib.Path(folder) / "triton"
        if not bundle.exists():
            bundle.mkdir()
            shutil.copyfile(model, bundle / "backnet.onnx")
            (bundle / "manifest.json").write_text(json.dumps({"boundary": {
                "toBackNet": listed(described["inputs"]), "fromBackNet": listed(described["outputs"])}}))
        self.bytes = 4 * math.prod(described["inputs"][0]["shape"])
        environments = HERE.parent.parent / ".build/engines"
        self.engines = engine_check.Engines("triton", environments, str(folder), str(bundle), instances, threads)

    @contextlib.contextmanager
    def running(self):
        process, port, _ = self.engines.start(time.monotonic_ns())
        try:
            self.url = f"http://127.0.0.1:{port}/v2/models/backnet/infer"
            yield process
        finally:
            process.kill()

    def load(self, *options):
        # The whole body is the one input.
        return Theirs.load(self, "--plain-header", "inference-header-content-length: 0", *options)


def engine_throughput(program, model, threads, runs):
    """Inferences a second of the plain engine without a server, one on each thread."""
    options = ["--threads", threads, "--runs", runs, "--throughput", "--json"]
    report = json.loads(checked([program, "bench", model, *options]))
    return report["throughput"], report["plain"]["milliseconds"]


def temporary_folder():
    return tempfile.TemporaryDirectory(prefix="infenclave-serving-")
