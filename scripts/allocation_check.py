#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts allocations of host and enclave for one answer, and fails where there are more than the table allows.

    scripts/allocation_check.py FOLDER

FOLDER has the release build of infenclave and infenclave-enclave. The demo's model is served in the development TEE by
one worker with one thread; one client asks. Unlike times, the counts hardly depend on the machine or its load: what a
second of idling allocates is subtracted, and so is what a client costs whatever it asks.
"""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODEL = os.path.join(ROOT, "Examples/demo")

# Allocations for an answer, by what is served and where. A change that needs more says why in its commit. The checks
# allow 5 % more.
TABLE = {
    "everything inside": {"host": 162, "enclave": 432},
    "with a cut": {"host": 338, "enclave": 390},
}
PLANS = {"everything inside": [], "with a cut": ["--front", "stage2.pool", "--mapping", "logits"]}
MARGIN = 1.05


class Server:
    def __init__(self, folder, programs, plan):
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
        library = self.path("allocations.so")
        subprocess.run(
            ["cc", "-O2", "-shared", "-fPIC", "-o", library, os.path.join(ROOT, "scripts/allocations.c")], check=True)
        for name in ("host", "enclave"):
            with open(self.path(name), "wb") as file:
                file.write(bytes(8))
        enclave = [
            "env", "INFENCLAVE_ALLOCATIONS=" + self.path("enclave"), programs + "/infenclave-enclave", "--tee",
            "development", "--development-key", self.path("tee.key"), "--connect", "stdio", "--workers", "1", "--threads",
            "1", "--sandbox", "none",
        ]
        # The host joins its descriptor 3 to the program. In a sandbox the library could not open its file.
        command = "exec " + " ".join(map(shlex.quote, enclave)) + " 0<&3 1>&3"
        self.process = subprocess.Popen(
            [programs + "/infenclave", "serve", self.path("model.infenclave"), "--tee", "development", "--listen",
             "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--workers", "1", "--threads", "1", "--sandbox", "none",
             "--enclave-at", command],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=os.environ | {"LD_PRELOAD": library, "INFENCLAVE_ALLOCATIONS": self.path("host")})
        addresses = {}
        while len(addresses) < 2:
            line = self.process.stderr.readline()
            if not line:
                raise SystemExit("allocation_check: the server ended")
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

    def counts(self):
        counts = []
        for name in ("host", "enclave"):
            with open(self.path(name), "rb") as file:
                counts.append(int.from_bytes(file.read(8), "little"))
        return counts

    def answers(self):
        with urllib.request.urlopen(self.admin + "/metrics") as reply:
            return int(re.search(r"^infenclave_answers_total\S* (\d+)", reply.read().decode(), re.M)[1])

    def during(self, work):
        """Seconds, answers, allocations of the host and of the enclave, without those for the metrics."""
        answers, counts, start = self.answers(), self.counts(), time.monotonic()
        work()
        seconds, after = time.monotonic() - start, self.counts()
        return [seconds, self.answers() - answers, *difference(after, counts)]

    def end(self):
        self.process.terminate()
        self.process.stderr.close()
        self.process.wait(30)


def difference(later, earlier):
    return [a - b for a, b in zip(later, earlier)]


def measure(programs, plan):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder, programs, plan)
        try:
            server.load(0.5)
            idle = server.during(lambda: time.sleep(2))
            short, long = (server.during(lambda: server.load(length)) for length in (0.5, 4))
        finally:
            server.end()
    seconds, answers, *counts = difference(long, short)
    if min(counts) == 0:
        raise SystemExit("allocation_check: nothing was counted: does the program link malloc statically?")
    if answers < 20:
        raise SystemExit(f"allocation_check: only {answers} answers: the machine is too busy")
    return {
        name: (count - seconds * resting / idle[0]) / answers
        for name, count, resting in zip(("host", "enclave"), counts, idle[2:])
    }


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    found = {plan: measure(os.path.abspath(sys.argv[1]), plan) for plan in TABLE}
    tooMany = False
    print("allocations for an answer")
    for plan, limits in TABLE.items():
        for name, limit in limits.items():
            count = found[plan][name]
            isOver = count > limit * MARGIN
            tooMany |= isOver
            note = ": TOO MANY" if isOver else ": lower the table" if count < limit * 0.9 else ""
            print(f"  {plan}, {name}: {count:.1f} (table {limit}){note}")
    if tooMany:
        raise SystemExit("allocation_check: find out what allocates more, or change the table with a reason")


main()
