#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts allocations of host and enclave for one answer, and fails if there are more than the table allows.

    scripts/allocation_check.py FOLDER

FOLDER has the release build of infenclave and infenclave-enclave. The demo's model is served in the development TEE by
one worker with one thread; one client sends requests. Unlike times, the counts hardly depend on the machine or its
load: the allocations of an idle second, and the fixed ones of a client, are subtracted.
"""
import os
import subprocess
import sys
import tempfile
import time

from demo_server import ROOT, DemoServer

# Allocations for an answer, by plan and process. The commit of a change that needs more has to say why. The checks
# allow 5 % more.
TABLE = {
    "everything inside": {"host": 168, "enclave": 432},
    "with a cut": {"host": 343, "enclave": 390},
}
MARGIN = 1.05


class Server(DemoServer):
    def __init__(self, folder, programs, plan):
        library = os.path.join(folder, "allocations.so")
        subprocess.run(
            ["cc", "-O2", "-shared", "-fPIC", "-o", library, os.path.join(ROOT, "scripts/allocations.c")], check=True)
        commands = []
        for name in ("host", "enclave"):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(bytes(8))
            commands.append(["env", f"LD_PRELOAD={library}", f"INFENCLAVE_ALLOCATIONS={file.name}"])
        super().__init__(folder, programs, plan, *commands)

    def counts(self):
        counts = []
        for name in ("host", "enclave"):
            with open(self.path(name), "rb") as file:
                counts.append(int.from_bytes(file.read(8), "little"))
        return counts

    def during(self, work):
        """Seconds, answers, allocations of the host and of the enclave, without those for the metrics."""
        answers, counts, start = self.answers(), self.counts(), time.monotonic()
        work()
        seconds, after = time.monotonic() - start, self.counts()
        return [seconds, self.answers() - answers, *difference(after, counts)]


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
