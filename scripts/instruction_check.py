#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts instructions of host and enclave for one answer, and fails if there are more than the table allows.

    scripts/instruction_check.py FOLDER [KEEP]

FOLDER has the release build of infenclave and infenclave-enclave. Both run under callgrind, so that the counts hardly
depend on the machine or its load: valgrind shows every program the same processor, with AVX2 and without AVX-512.
The instructions of an idle second, and the fixed ones of a client, are subtracted. The network's
arithmetic is left out (oneDNN, the code that it generates, and the engine's loops), because `make benchmark` measures
it. The folder KEEP gets callgrind's files, for callgrind_annotate.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from demo_server import DemoServer

# Thousands of instructions for an answer, by plan and process. The commit of a change that needs more has to say why.
TABLE = {
    "everything inside": {"host": 475, "enclave": 3330},
    "with a cut": {"host": 540, "enclave": 3490},
}
# The tolerance. How often a thread of the host is woken for an answer depends on the machine's load.
MARGIN = {"host": 1.6, "enclave": 1.05}
ANSWERS = 12
# The engine's loops for poolings and Winograd's algorithm (Sources/Engine/COneDNN).
ARITHMETIC = ("pool_share", "contract_share", "expand_share")
# valgrind 3.19 writes to the mask that a program waits with, and libdispatch's cannot be written to.
WAITING = """
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
int sigsuspend(const sigset_t *mask) {
    sigset_t copy = *mask;
    return syscall(SYS_rt_sigsuspend, &copy, 8);
}
"""


def counting(name, folder, library):
    """The command under which a program's instructions are counted, up to a dump in the file NAME.1, NAME.2, …"""
    place = os.path.join(folder, name)
    return [
        # Without this variable, the host's program starts itself again with it, and that process is not counted.
        "env", "OPENBLAS_THREAD_TIMEOUT=20", f"LD_PRELOAD={library}", "valgrind", "--tool=callgrind", "--quiet",
        f"--callgrind-out-file={place}", f"--vgdb-prefix={place}.vgdb",
        # The request takes effect when a waiting program next runs; to interrupt it would need ptrace.
        "--vgdb-poll=500",
    ]


def order(name, folder, command):
    subprocess.run(
        ["vgdb", f"--vgdb-prefix={os.path.join(folder, name)}.vgdb", "--max-invoke-ms=0", command], check=True,
        timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def dump(name, folder, number):
    """Instructions since the count was set to zero, without those of the network's arithmetic."""
    order(name, folder, "dump")
    place = os.path.join(folder, name)
    names, count, file, function, isCall = {}, 0, "", "", False
    with open(f"{place}.{number}", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if found := re.match(r"(c?)(ob|fn)=(\(\d+\))(?: (.*))?$", line):
                # A name is written once, with its number.
                word = names.setdefault((found[2], found[3]), found[4])
                if not found[1]:
                    file, function = (word, function) if found[2] == "ob" else (file, word)
            elif line.startswith("calls="):
                isCall = True
            elif found := re.match(r"[+*-]?\d* (\d+)$", line):
                # The line after "calls=" has the cost of the callee, counted there. Generated code has no file.
                if not isCall and file != "???" and "/libdnnl" not in file and function not in ARITHMETIC:
                    count += int(found[1])
                isCall = False
    return count


def measure(programs, plan, keep):
    with tempfile.TemporaryDirectory() as folder:
        library = os.path.join(folder, "waiting.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, "-x", "c", "-"], input=WAITING, text=True, check=True)
        commands = [counting(name, folder, library) for name in ("host", "enclave")]
        server = DemoServer(folder, programs, plan, *commands)
        dumps = 0

        def during(work):
            """Seconds, answers, instructions of the host and of the enclave, without those for the metrics."""
            nonlocal dumps
            answers = server.answers()
            for name in ("host", "enclave"):
                order(name, folder, "zero")
            start = time.monotonic()
            work()
            dumps += 1
            counts = [dump(name, folder, dumps) for name in ("host", "enclave")]
            return [time.monotonic() - start, server.answers() - answers, *counts]

        try:
            server.load(1)
            idle = during(lambda: time.sleep(2))
            short = during(lambda: server.load(0.1))
            for length in (4, 16, 64):
                long = during(lambda: server.load(length))
                if long[1] - short[1] >= ANSWERS:
                    break
            else:
                raise SystemExit(f"instruction_check: under {ANSWERS} answers in {length} s: the machine is too busy")
        finally:
            server.end()
        if keep:
            os.makedirs(keep, exist_ok=True)
            for name in ("host", "enclave"):
                shutil.copy(f"{folder}/{name}.{dumps}", f"{keep}/{plan.replace(' ', '-')}.{name}")
    seconds, answers, *counts = (a - b for a, b in zip(long, short))
    return {
        name: (count - seconds * resting / idle[0]) / answers / 1000
        for name, count, resting in zip(("host", "enclave"), counts, idle[2:])
    }


def main():
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    for tool in ("valgrind", "vgdb", "strip"):
        if not shutil.which(tool):
            return print(f"instruction_check: skipped, there is no {tool}: apt-get install valgrind binutils")
    keep = sys.argv[2] if len(sys.argv) == 3 else None
    with tempfile.TemporaryDirectory() as programs:
        for name in ("infenclave", "infenclave-enclave"):
            # Debian's valgrind cannot read the debug information of Swift's compiler.
            subprocess.run(
                ["strip", "--strip-debug", "-o", f"{programs}/{name}", f"{sys.argv[1]}/{name}"], check=True)
        print("thousands of instructions for an answer, without the network's arithmetic", flush=True)
        tooMany = False
        for plan, limits in TABLE.items():
            for name, count in measure(programs, plan, keep).items():
                limit = limits[name]
                isOver = count > limit * MARGIN[name]
                tooMany |= isOver
                note = ": TOO MANY" if isOver else ": lower the table" if count < limit / MARGIN[name] else ""
                print(f"  {plan}, {name}: {count:.0f} (table {limit}){note}", flush=True)
    if tooMany:
        raise SystemExit("instruction_check: find out what executes more (KEEP), or change the table with a reason")


main()
