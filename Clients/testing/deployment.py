# SPDX-License-Identifier: Apache-2.0
"""The demo's model behind `infenclave serve` with the development TEE, set up by an owner's commands."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import threading

DEMO = pathlib.Path(__file__).resolve().parents[2] / "Examples/demo"
# Pictures of three classes, and what they show.
PICTURES = {"stop.png": "Stop", "speed-limit-30.png": "Speed limit 30",
            "pedestrian-crossing.png": "Pedestrian crossing"}


def free_port():
    """A TCP port of the loopback address that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Deployment:
    """Keys, a bundle and its policy in a folder."""

    def __init__(self, program, folder, cuts=("stage2.pool", "logits"), options=()):
        self.program, self.folder = str(pathlib.Path(program).resolve()), pathlib.Path(folder)
        self.environment = {**os.environ, "HOME": str(folder)}
        for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
            self.environment.pop(name, None)
        self.bundle, self.policy = self.folder / "model.infenclave", self.folder / "policy.json"
        self.token = self.folder / "client.token"
        self.run("keygen", "owner", "--out", self.folder / "owner.key")
        self.run("keygen", "token", "--out", self.token)
        self.run("partition", DEMO / "classifier.onnx", "--labels", DEMO / "labels.txt", "--front", cuts[0],
                 "--mapping", cuts[1], "--out", self.bundle, "--key-out", self.folder / "model.key", "--owner-key",
                 self.folder / "owner.key", *options)
        self.run("policy", self.bundle, "--tee", "development", "--out", self.policy)

    def run(self, *arguments):
        """The command's standard output; raises its standard error if it fails."""
        done = subprocess.run([self.program, *map(str, arguments)], env=self.environment, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=3600)
        if done.returncode != 0:
            raise RuntimeError(f"infenclave {arguments[0]}: {done.stderr}")
        return done.stdout

    def serve(self, *options, port=0):
        return Server(self, options, port)


class Server:
    """A running server; a context manager that ends it."""

    def __init__(self, deployment, options, port):
        self.deployment = deployment
        self.process = subprocess.Popen(
            [deployment.program, "serve", str(deployment.bundle), "--tee", "development", "--listen", f"127.0.0.1:{port}",
            # Here all requests for evidence come from one address.
             "--admin-listen", "none", "--threads", "2", "--connections-per-address", "1024", *options],
            env=deployment.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True)
        self.log, self.url = [], None
        for line in self.process.stderr:
            self.log.append(line)
            found = re.search(r"serving .* at (http://127\.0\.0\.1:[0-9]+)", line)
            if found:
                self.url = found[1]
                break
        if not self.url:
            self.process.wait()
            raise RuntimeError("infenclave serve: " + "".join(self.log))
        # Its later output must not fill the pipe, which would block it.
        threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True).start()

    def provision(self, *options):
        folder = self.deployment.folder
        self.deployment.run("provision", "--server", self.url, "--policy", self.deployment.policy, "--tee", "development",
                            "--key", folder / "model.key", "--owner-key", folder / "owner.key", "--client-token",
                            self.deployment.token, *options)

    def lose(self):
        """Ends it as the loss of its machine would."""
        self.process.kill()
        self.process.wait(3600)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(3600)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
