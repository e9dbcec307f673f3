# SPDX-License-Identifier: Apache-2.0
"""How clients react when servers start, stop and change: the Python client, the Swift client (`infenclave classify`) and
the proxy refuse for the same reason, with the same message, and continue if possible."""

import contextlib
import json
import re
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest
from deployment import DEMO, Deployment, free_port
from meddler import Meddler

import infenclave

STOP = DEMO / "client/stop.png"
EVIDENCE = "/.well-known/infenclave/evidence"
NOT_SENT = "the server is not attested, and nothing was sent: "


class Proxy:
    """`infenclave proxy` in front of a server, with a separate policy file; a context manager that ends it."""

    def __init__(self, deployment, url, folder):
        self.policy = folder / "proxy-policy.json"
        shutil.copy(deployment.policy, self.policy)
        self.process = subprocess.Popen(
            [deployment.program, "proxy", "--server", url, "--policy", str(self.policy), "--token", str(deployment.token), "--tee",
             "development", "--listen", "127.0.0.1:0"],
            env=deployment.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.search(r"Open Inference Protocol at (http://\S+)", line):
                self.url = found[1]
                break
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def ask(self, path="/v2/models/classifier_image/infer", body=STOP.read_bytes()):
        """Status and JSON."""
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "image/png"} if body else {})
        try:
            with urllib.request.urlopen(request, timeout=3600) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(3600)
        self.process.stderr.close()


class Three:
    """The three clients of one address."""

    def __init__(self, deployment, url, folder):
        self.deployment, self.url = deployment, url
        self.python = infenclave.Client(url, deployment.policy, deployment.token, dangerously_accept_development=True)
        self.proxy = Proxy(deployment, url, folder)
        self.policy = deployment.policy

    def by_command(self):
        done = subprocess.run(
            [self.deployment.program, "classify", "--server", self.url, "--policy", str(self.policy), "--tee", "development",
             "--token", str(self.deployment.token), "--json", str(STOP)],
            env=self.deployment.environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=3600)
        return json.loads(done.stdout)

    def replace_policy(self, policy):
        self.policy = policy
        self.python.replace_policy(policy)
        shutil.copy(policy, self.proxy.policy)

    def assert_refused(self, code, words, remedy):
        """All refuse with this code, this message and this remedy."""
        with pytest.raises(infenclave.Error) as caught:
            self.python.classify(STOP)
        python, command = caught.value, self.by_command()["error"]
        assert (python.refusal or python.code, words in python.message, remedy in python.remedy) == (code, True, True), python
        assert (command["code"], command["message"]) == (code, python.message)
        assert remedy in command["remedy"]
        # The proxy reports it in one line. It probes its servers every half second.
        prefix = NOT_SENT if code == "attestationRejected" else ""
        end = time.monotonic() + 3600
        while True:
            status, said = self.proxy.ask()
            if status == 503 and said["error"].startswith(prefix + python.message):
                break
            assert time.monotonic() < end, (said, python)
            time.sleep(0.1)
        assert remedy in said["error"]
        status, said = self.proxy.ask("/v2/health/ready", None)
        assert status == 503 and not said["ready"]

    def assert_served(self):
        assert self.python.classify(STOP)[0].name == "Stop"
        assert self.by_command()["results"][0]["class"] == "Stop"
        end = time.monotonic() + 3600
        while True:
            status, said = self.proxy.ask()
            if status == 200:
                break
            assert time.monotonic() < end, said
            time.sleep(0.1)
        assert next(output for output in said["outputs"] if output["name"] == "LABELS")["data"][0] == "Stop"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.proxy.__exit__()


@pytest.fixture(scope="module")
def other(program, tmp_path_factory):
    """Of another owner, with another bundle."""
    return Deployment(program, tmp_path_factory.mktemp("other"))


def test_a_client_that_starts_first_loses_its_server_and_finds_it_restarted(deployment, tmp_path):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with Three(deployment, url, tmp_path) as three:
        # It starts before its server.
        three.assert_refused("unreachable", f"{url} cannot be reached: no connection could be made", "infenclave serve")
        with deployment.serve(port=port) as server:
            three.assert_refused("notProvisioned", "the owner has not provisioned the enclave", "infenclave provision")
            server.provision()
            three.assert_served()
            server.lose()
        # It is lost.
        three.assert_refused("unreachable", f"{url} cannot be reached: no connection could be made", "infenclave serve")
        # It is found restarted: with other keys, and at first without a model.
        with deployment.serve(port=port) as server:
            three.assert_refused("notProvisioned", "the owner has not provisioned the enclave", "infenclave provision")
            server.provision()
            three.assert_served()
            server.lose()


def test_a_client_finds_another_enclave_at_the_same_port(deployment, other, tmp_path):
    port = free_port()
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(deployment.serve(port=port))
        first.provision()
        three = stack.enter_context(Three(deployment, first.url, tmp_path))
        three.assert_served()
        first.lose()
        with other.serve(port=port) as stranger:
            stranger.provision()
            three.assert_refused("attestationRejected", "evidence rejected", "send nothing to this server")
            stranger.lose()
        with deployment.serve(port=port) as back:
            back.provision()
            three.assert_served()
            back.lose()


def test_a_lease_ends_and_another_begins(deployment, tmp_path):
    with deployment.serve() as server:
        server.provision()
        with Three(deployment, server.url, tmp_path) as three:
            three.assert_served()
            # Keys are new under another lease, so that each attests again.
            server.provision("--lease", "1s")
            time.sleep(2)
            three.assert_refused("leaseEnded", "the owner's lease for the enclave has ended", "infenclave provision")
            server.provision()
            three.assert_served()


def test_a_policy_is_replaced_and_removed(deployment, other, server, tmp_path):
    with Three(deployment, server.url, tmp_path) as three:
        three.assert_served()
        three.replace_policy(other.policy)
        three.assert_refused("attestationRejected", "evidence rejected", "send nothing to this server")
        three.replace_policy(deployment.policy)
        three.assert_served()
        # After the removal, clients that read the policy find none, and the proxy, which had one, sends nothing any
        # more.
        three.policy = gone = tmp_path / "gone.json"
        with pytest.raises(infenclave.InvalidConfiguration, match="gone.json cannot be read"):
            three.python.replace_policy(gone)
        with pytest.raises(infenclave.InvalidConfiguration, match="gone.json cannot be read"):
            infenclave.Client(server.url, gone, deployment.token)
        assert "gone.json" in three.by_command()["error"]["message"]
        three.proxy.policy.unlink()
        end = time.monotonic() + 3600
        while (said := three.proxy.ask())[0] == 200:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert said[0] == 503 and f"{three.proxy.policy} cannot be read" in said[1]["error"]


@pytest.mark.parametrize("kind", ["Client", "AsyncClient"])
def test_what_takes_an_enclaves_place_gets_nothing_that_it_can_open(kind, deployment, other, server):
    import asyncio

    with other.serve() as stranger, Meddler(server.url) as host:
        stranger.provision()
        client = getattr(infenclave, kind)(host.url, deployment.policy, deployment.token, dangerously_accept_development=True)

        def classify():
            return client.classify(STOP) if kind == "Client" else asyncio.run(client.classify(STOP))

        assert classify()[0].name == "Stop"
        [mine] = host.posted
        # Another enclave is at the address for which the client has a session.
        host.target, statuses = stranger.url, []
        host.asked.clear()
        host.change = lambda path, body: statuses.append((path, body)) or body
        with pytest.raises(infenclave.AttestationRejected):
            classify()
        # Messages that were sent before the evidence arrived are encrypted to the first enclave's key, whose number is
        # their first byte.
        assert all(body[:1] == mine[:1] for body in host.posted) and len(set(host.posted)) <= 1
        assert all(json.loads(body)["error"]["code"] in ("unknownKey", "undecipherable")
                   for path, body in statuses if path == "/ohttp")
        # From then on it gets only requests for evidence.
        host.asked.clear()
        with pytest.raises(infenclave.AttestationRejected):
            classify()
        assert host.paths == [EVIDENCE]
        host.target = server.url
        assert classify()[0].name == "Stop"
