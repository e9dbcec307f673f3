# SPDX-License-Identifier: Apache-2.0
"""Twice the load that a server can handle: admitted requests have to be served as at saturation, the others refused at
once, and memory must not grow."""

import threading
import time

#: The conditions of `Benchmarks/README.md`.
SLOWER = 2.0
REFUSED_MILLISECONDS = 50.0
GROWTH_MIB_A_MINUTE = 1.0


def slope(samples):
    """MiB a minute, by least squares, of pairs of seconds and bytes."""
    count = len(samples)
    if count < 3:
        return 0.0
    mean_time = sum(time for time, _ in samples) / count
    mean_bytes = sum(resident for _, resident in samples) / count
    over = sum((time - mean_time) * (resident - mean_bytes) for time, resident in samples)
    under = sum((time - mean_time) ** 2 for time, _ in samples)
    return over / under * 60 / (1 << 20)


class Watch:
    """The memory of a server's processes, twice a second."""

    def __init__(self, server):
        self.server, self.samples, self.ended = server, [], threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        start = time.monotonic()
        while not self.ended.wait(0.5):
            self.samples.append((time.monotonic() - start, self.server.usage()[0]))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def measure(ours, seconds, saturating, connections):
    """
    :param saturating: connections of the closed loop that fills the server, as many as it admits
    :param connections: of the open loop, more than can be admitted
    """
    with ours.running() as server:
        short = min(seconds, 15)
        warm_up = min(3, seconds / 3)
        saturation = ours.load("--connections", saturating, "--seconds", short, "--warm-up", warm_up)
        rate = 2 * saturation["answeredPerSecond"]
        with Watch(server) as watch:
            load = ours.load(
                "--connections", connections, "--rate", f"{rate:.3f}", "--seconds", seconds, "--warm-up", warm_up)
    # Memory first grows to that of a full server.
    settled = watch.samples[len(watch.samples) // 3:]
    result = {
        "saturation": saturation, "overload": load, "offeredPerSecond": rate,
        "memoryMiB": [round(resident / (1 << 20), 1) for _, resident in watch.samples[::max(1, len(watch.samples) // 60)]],
        "growthMiBAMinute": slope(settled),
    }
    result["faults"] = faults(result, seconds)
    return result


def faults(result, seconds):
    found = []
    at_saturation, overload = result["saturation"], result["overload"]
    # Without requests there are no times.
    if not overload.get("milliseconds") or not at_saturation.get("milliseconds"):
        return ["nothing was answered"]
    ratio = overload["milliseconds"]["p99"] / at_saturation["milliseconds"]["p99"]
    if ratio > SLOWER:
        found.append(f"the admitted took {ratio:.2f} times as long as at saturation (p99), at most {SLOWER}")
    refused = overload.get("refusedMilliseconds")
    if refused and refused["p99"] > REFUSED_MILLISECONDS:
        found.append(f"the refusal took {refused['p99']:.1f} ms (p99), at most {REFUSED_MILLISECONDS}")
    if not overload["refusals"]:
        found.append("nothing was refused: the load was no overload")
    if overload["refusedWithoutRetryAfter"]:
        found.append(f"{overload['refusedWithoutRetryAfter']} refusals without Retry-After")
    if overload["failures"] or at_saturation["failures"]:
        found.append(f"failures: {overload['failures'] or at_saturation['failures']}")
    # A run of a few seconds says nothing about memory.
    if seconds >= 60 and result["growthMiBAMinute"] > GROWTH_MIB_A_MINUTE:
        found.append(f"memory grew by {result['growthMiBAMinute']:.2f} MiB a minute, at most {GROWTH_MIB_A_MINUTE}")
    return found
