# SPDX-License-Identifier: Apache-2.0
"""Two hosts with two replicas each behind Debian's HAProxy and nginx, with the configurations of Examples/balancer.

    python3 scripts/balancer_check.py FOLDER-OF-PROGRAMS [--balancers haproxy,nginx] [--pictures N] [--json FILE]

For each balancer: round robin without affinity, where every picture is still answered; the hash of the header, where each client
attests once; then one host is killed under load: a client loses at most the request in progress, with an error that says so, and
continues. Needs haproxy and nginx (`apt-get install haproxy nginx-light`)."""

import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Clients/testing"))
import deployment  # noqa: E402
from engine_check import wait  # noqa: E402

CLIENTS = 4
PICTURE = str(deployment.DEMO / "client/stop.png")
# The codes that a client may report for a request in progress on a killed host.
CLEAR = {"unreachable", "enclaveUnavailable"}


def require(condition, message):
    if not condition:
        raise SystemExit(f"balancer-check: {message}")


class Balancer:
    """HAProxy or nginx in front of hosts; a context manager."""

    def __init__(self, name, has_affinity, urls, folder):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=folder))
        self.port = deployment.free_port()
        source = {"haproxy": "haproxy.cfg", "nginx": "nginx.conf"}[name]
        text = (ROOT / "Examples/balancer" / source).read_text().replace("127.0.0.1:8080", f"127.0.0.1:{self.port}")
        for example, url in zip(("127.0.0.1:8081", "127.0.0.1:8082"), urls):
            text = text.replace(example, url.removeprefix("http://"))
        if not has_affinity:
            text = text.replace("balance hdr(infenclave-route)", "balance roundrobin").replace("    hash-type consistent\n", "")
            text = text.replace("hash $http_infenclave_route consistent;", "")
        (self.folder / source).write_text(text)
        command = {
            "haproxy": ["haproxy", "-db", "-f", str(self.folder / source)],
            "nginx": ["nginx", "-p", str(self.folder), "-c", str(self.folder / source), "-g", "daemon off;"],
        }[name]
        path = os.environ["PATH"] + ":/usr/sbin"
        executable = shutil.which(command[0], path=path)
        require(executable, f"there is no {name}: apt-get install haproxy nginx-light")
        log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen([executable] + command[1:], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        def ready():
            require(self.process.poll() is None, (self.folder / "log").read_text())
            with urllib.request.urlopen(f"{self.url}/health/ready", timeout=5) as answer:
                return answer.status == 200
        wait("ready balancer", 60, ready)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


class Client:
    """Classifies pictures, in as many processes as needed: a process ends with its first failure."""

    def __init__(self, made, url, pictures):
        self.answers, self.attestations, self.failures, self.starts = 0, 0, [], 0
        self.pictures = pictures
        self.command = [made.program, "classify", "--server", url, "--policy", str(made.policy), "--tee", "development",
                        "--token", str(made.token), "--json"]
        self.environment = made.environment
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while self.answers < self.pictures and len(self.failures) < 20:
            self.starts += 1
            process = subprocess.Popen(
                self.command + [PICTURE] * (self.pictures - self.answers), env=self.environment, text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            text = ""
            for line in process.stdout:
                text += line
                try:
                    answer = json.loads(line)
                except ValueError:
                    continue  # a line of a failure, which has several
                if "results" in answer and answer["results"][0]["class"] == "Stop":
                    self.answers += 1
                    self.attestations += answer["milliseconds"]["attest"] > 0
                    text = ""
            if process.wait() != 0:
                try:
                    error = json.loads(text)["error"]
                except (ValueError, KeyError):
                    error = {"code": "none", "message": text[-300:]}
                self.failures.append(error)


def load(made, url, pictures, then=None):
    clients = [Client(made, url, pictures) for _ in range(CLIENTS)]
    if then:
        wait("answers", 300, lambda: all(client.answers > 3 for client in clients))
        then()
    for client in clients:
        client.thread.join()
    return {
        "answers": sum(client.answers for client in clients), "starts": sum(client.starts for client in clients),
        "attestations": sum(client.attestations for client in clients),
        "failures": [failure for client in clients for failure in client.failures],
    }


def check(name, made, pictures, folder):
    results = {}
    grants = ("--requests", "1000000", "--per-minute", "1000000")
    hosts = [made.serve("--replicas", "2") for _ in range(2)]
    try:
        for host in hosts:
            host.provision(*grants, "--replicas", "2")
        urls = [host.url for host in hosts]
        with Balancer(name, False, urls, folder) as balancer:
            found = results["round robin"] = load(made, balancer.url, pictures)
            print(f"{name}, round robin: {found}", flush=True)
            require(found["answers"] == CLIENTS * pictures and not found["failures"], f"{name}, round robin: {found}")
        with Balancer(name, True, urls, folder) as balancer:
            found = results["header"] = load(made, balancer.url, pictures)
            print(f"{name}, header: {found}", flush=True)
            require(found["answers"] == CLIENTS * pictures and not found["failures"], f"{name}, header: {found}")
            require(found["attestations"] == CLIENTS, f"{name}: with affinity a client attested again: {found}")
            found = results["killed host"] = load(
                made, balancer.url, pictures, then=lambda: os.kill(hosts[0].process.pid, signal.SIGKILL))
            print(f"{name}, killed host: {found}", flush=True)
            require(found["answers"] == CLIENTS * pictures, f"{name}, killed host: {found}")
            # Each client has one request in progress at a time.
            require(len(found["failures"]) <= CLIENTS, f"{name}, killed host: more than what was under way: {found}")
            for failure in found["failures"]:
                require(failure["code"] in CLEAR, f"{name}, killed host: {failure}")
    finally:
        for host in hosts:
            host.stop()
    return results


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("programs")
    arguments.add_argument("--balancers", default="haproxy,nginx")
    arguments.add_argument("--pictures", type=int, default=100, help="for each client and part")
    arguments.add_argument("--json", help="write what was found into this file")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="infenclave-balancer-") as folder:
        os.chmod(folder, 0o755)
        made = deployment.Deployment(pathlib.Path(options.programs) / "infenclave", folder)
        results = {name: check(name, made, options.pictures, folder) for name in options.balancers.split(",")}
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=2) + "\n")
    print("balancer-check: passed")


if __name__ == "__main__":
    main()
