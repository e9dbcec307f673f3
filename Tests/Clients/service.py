# SPDX-License-Identifier: Apache-2.0
"""A served and provisioned model with a proxy in front of it, for the tests of the clients."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import subjects

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Clients/testing"))
from deployment import free_port  # noqa: E402,F401

BIN = Path(os.environ["INFENCLAVE_BIN"])


class Program:
    """A program of this project that runs until it is stopped, with its output."""

    def __init__(self, arguments, folder, pattern, program="infenclave"):
        self.log = folder / f"{arguments[0].strip('-')}-{time.monotonic_ns()}.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [BIN / program, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                env=os.environ | {"XDG_STATE_HOME": str(folder / "state")})
        self.matches = self.wait(pattern)

    @property
    def said(self):
        return self.log.read_text()

    def wait(self, *patterns, seconds=3600):
        """Waits until its output matches each pattern; returns their first groups."""
        end = time.monotonic() + seconds
        while True:
            found = [re.search(pattern, self.said) for pattern in patterns]
            if all(found):
                return [match.group(1) if match.groups() else match.group() for match in found]
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"{self.process.args[0]} did not say {patterns}:\n{self.said}")
            time.sleep(0.02)

    @property
    def address(self):
        return self.matches[0]

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(3600)


class Deployment:
    """A model with its keys, in a folder of its own."""

    def __init__(self, model=subjects.DEMO.model, labels=subjects.DEMO.labels, cut=("prob", "prob"), options=()):
        self.folder = Path(tempfile.mkdtemp(prefix="infenclave-clients-"))
        self.run("keygen", "owner", "--out", "owner.key")
        self.run("keygen", "token", "--out", "client.token")
        # Without a cut everything is inside.
        cuts = ["--front", cut[0], "--mapping", cut[1]] if cut else []
        self.run(
            "partition", model, *cuts, "--labels", labels, "--out", "model.infenclave", "--key-out", "model.key",
            "--owner-key", "owner.key", "--allow-f32", *options)
        self.run("policy", "model.infenclave", "--tee", "development", "--out", "policy.json")

    def run(self, *arguments):
        done = subprocess.run(
            [BIN / "infenclave", *map(str, arguments)], cwd=self.folder, capture_output=True, text=True,
            env=os.environ | {"XDG_STATE_HOME": str(self.folder / "state")})
        if done.returncode != 0:
            raise AssertionError(f"infenclave {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}")
        return done.stdout

    def serve(self, port=0, bundle="model.infenclave"):
        return Program(
            ["serve", bundle, "--tee", "development", "--listen", f"127.0.0.1:{port}", "--admin-listen", "none"],
            self.folder, r"serving .* at (http://\S+)")

    def provision(self, address, *options):
        self.run(
            "provision", "--server", address, "--policy", "policy.json", "--tee", "development", "--key", "model.key",
            "--owner-key", "owner.key", "--client-token", "client.token,requests=1000000,per-minute=1000000", *options)

    def proxy(self, *servers, grpc=False, options=()):
        arguments = ["proxy", "--policy", "policy.json", "--token", "client.token", "--tee", "development"]
        for server in servers:
            arguments += ["--server", server]
        arguments += ["--listen", "127.0.0.1:0", *options]
        if grpc:
            arguments += ["--grpc", "127.0.0.1:0"]
        return Program(arguments, self.folder, r"Open Inference Protocol at http://(\S+)")

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class Service:
    """All of it, ready, with the model of a subject."""

    def __init__(self, grpc=False, subject=subjects.SUBJECT):
        print(f"with {subject.what}", flush=True)
        self.deployment = Deployment(subject.model, subject.labels, subject.cut)
        self.server = self.deployment.serve()
        self.deployment.provision(self.server.address)
        self.proxy = self.deployment.proxy(self.server.address, grpc=grpc)
        self.proxy.wait("served by")
        self.rest = self.proxy.address
        if grpc:
            self.grpc = self.proxy.wait(r"gRPC at (\S+)")[0]

    def stop(self):
        self.proxy.stop()
        self.server.stop()
        self.deployment.remove()
