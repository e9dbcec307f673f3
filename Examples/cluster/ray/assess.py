# SPDX-License-Identifier: Apache-2.0
"""An assessment on a Ray cluster: python assess.py SHARDS OUT MODEL [more of `infenclave assess`]

Each shard is a task of one processor, and so is the last step, which merges the results. All nodes must share the current folder;
INFENCLAVE is the program. If its node fails, a task runs again and continues where it stopped."""

import os
import subprocess
import sys

import ray

PROGRAM = os.environ.get("INFENCLAVE", "infenclave")


@ray.remote(num_cpus=1, max_retries=3, retry_exceptions=False, scheduling_strategy="SPREAD")
def run(arguments, folder):
    done = subprocess.run([PROGRAM, *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"infenclave {arguments[0]}: exit {done.returncode}: {done.stderr[-2000:]}")
    return ray.get_runtime_context().get_node_id()


def assess(shards, out, arguments):
    """Returns the nodes that computed shards."""
    folder = os.getcwd()
    work = [os.path.join(f"{out}.shards", str(shard)) for shard in range(1, shards + 1)]
    os.makedirs(f"{out}.shards", exist_ok=True)
    tasks = [
        run.remote(["assess", *arguments, "--shard", f"{shard}/{shards}", "--work", path], folder)
        for shard, path in enumerate(work, 1)]
    nodes = ray.get(tasks)
    ray.get(run.remote(["assess", "merge", *work, "--out", out], folder))
    return nodes


if __name__ == "__main__":
    ray.init(address=os.environ.get("RAY_ADDRESS", "auto"))
    nodes = assess(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
    print(f"{len(nodes)} shards on {len(set(nodes))} nodes")
