# SPDX-License-Identifier: Apache-2.0
"""The demo's model, served and provisioned in the development TEE, for checks that count the cost of an answer."""
import os
import re
import shlex
import subprocess
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODEL = os.path.join(ROOT, "Examples/demo")

PLANS = {"everything inside": [], "with a cut": ["--front", "stage2.pool", "--mapping", "logits"]}


class DemoServer:
    """One worker with one thread, without a sandbox, because the counting tools need files.

    FOLDER is for its files, PROGRAMS has infenclave and infenclave-enclave; HOST and ENCLAVE are the words of a command
    that runs the two processes, such as valgrind.
    """

    def __init__(self, folder, programs, plan, host, enclave):
        self.folder, self.programs = folder, programs
        self.run("keygen", "owner", "--out", self.path("owner.key"))
        self.run("keygen", "token", "--out", self.path("token"))
        self.run(
            "partition", MODEL + "/classifier.onnx", "--labels", MODEL + "/labels.txt", "--out",
            self.path("model.infenclave"), "--key-out", self.path("model.key"), "--owner-key", self.path("owner.key"),
            *PLANS[plan])
        self.run(
            "policy", self.path("model.infenclave"), "--tee", "development", "--development-key", self.path("tee.key"),
            "--out", self.path("policy.json"))
        program = [
            *enclave, programs + "/infenclave-enclave", "--tee", "development", "--development-key",
            self.path("tee.key"), "--connect", "stdio", "--workers", "1", "--threads", "1", "--sandbox", "none",
        ]
        # The host joins its descriptor 3 to the program.
        command = "exec " + " ".join(map(shlex.quote, program)) + " 0<&3 1>&3"
        self.process = subprocess.Popen(
            [*host, programs + "/infenclave", "serve", self.path("model.infenclave"), "--tee", "development", "--listen",
             "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--workers", "1", "--threads", "1", "--sandbox", "none",
             "--enclave-at", command],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        addresses, said = {}, []
        while len(addresses) < 2:
            line = self.process.stderr.readline()
            if not line:
                raise SystemExit("the server ended:\n" + "".join(said[-10:]))
            said.append(line)
            if found := re.search(r"(admin listener|serving \S+) at (http://\S+)", line):
                addresses[found[1].split()[0]] = found[2]
        self.admin = addresses["admin"]
        self.asking = [
            "--server", addresses["serving"], "--policy", self.path("policy.json"), "--tee", "development"]
        for attempt in range(60):
            try:
                self.run("attest", *self.asking)
                break
            except subprocess.CalledProcessError:
                time.sleep(0.5)
        self.run(
            "provision", *self.asking, "--key", self.path("model.key"), "--owner-key", self.path("owner.key"),
            "--client-token", self.path("token"), "--requests", "1000000", "--per-minute", "1000000")

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *arguments):
        return subprocess.run(
            [self.programs + "/infenclave", *arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL, text=True).stdout

    def load(self, seconds):
        self.run(
            "load", *self.asking, "--token", self.path("token"), "--connections", "1", "--seconds", str(seconds),
            "--warm-up", "0")

    def answers(self):
        with urllib.request.urlopen(self.admin + "/metrics") as reply:
            return int(re.search(r"^infenclave_answers_total\S* (\d+)", reply.read().decode(), re.M)[1])

    def end(self):
        self.process.terminate()
        self.process.stderr.close()
        self.process.wait(30)
