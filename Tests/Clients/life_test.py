# SPDX-License-Identifier: Apache-2.0
"""How clients of the proxy react when servers start, stop and change."""

import json
import shutil
import subprocess
import time
import unittest
import urllib.error
import urllib.request

from service import BIN, Deployment, Program, free_port
from subjects import DEMO

PICTURES, label = DEMO.pictures, DEMO.expected.__getitem__


def ask(proxy, path="/v2/health/ready", body=None, headers={}):
    """Status and JSON."""
    request = urllib.request.Request(f"http://{proxy.address}{path}", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=3600) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def classify(proxy, picture=PICTURES[0]):
    """Status, and the best class or the error."""
    status, answer = ask(
        proxy, "/v2/models/classifier_image/infer", picture.read_bytes(), {"Content-Type": "image/png"})
    if status != 200:
        return status, answer["error"]
    return status, next(o for o in answer["outputs"] if o["name"] == "LABELS")["data"][0]


class LifeTests(unittest.TestCase):
    def setUp(self):
        self.deployment = Deployment()
        self.addCleanup(self.deployment.remove)

    def started(self, program):
        self.addCleanup(program.stop)
        return program

    def wait_ready(self, proxy, seconds=3600):
        end = time.monotonic() + seconds
        while ask(proxy)[0] != 200:
            self.assertLess(time.monotonic(), end, proxy.said)
            time.sleep(0.1)

    def wait_refused(self, proxy, words, seconds=3600):
        """Until the proxy is not ready for this reason."""
        end = time.monotonic() + seconds
        while True:
            status, answer = ask(proxy)
            if status == 503 and words in answer["error"]:
                return
            self.assertLess(time.monotonic(), end, f"{answer}\n{proxy.said}")
            time.sleep(0.1)

    def assert_answers(self, proxy):
        self.assertEqual(classify(proxy), (200, label(PICTURES[0])))

    def test_a_proxy_that_starts_before_its_server_waits_for_it(self):
        port = free_port()
        proxy = self.started(self.deployment.proxy(f"http://127.0.0.1:{port}"))
        self.wait_refused(proxy, "cannot be reached")
        status, error = classify(proxy)
        self.assertEqual(status, 503)
        self.assertIn("infenclave serve", error)
        server = self.started(self.deployment.serve(port))
        self.wait_refused(proxy, "has not provisioned")
        self.deployment.provision(server.address)
        self.wait_ready(proxy)
        self.assert_answers(proxy)
        # It is lost, and found again after a restart, with other keys.
        server.stop()
        status, error = classify(proxy)
        self.assertEqual(status, 503)
        self.assertIn("cannot be reached", error)
        self.assertEqual(ask(proxy)[0], 503)
        server = self.started(self.deployment.serve(port))
        self.deployment.provision(server.address)
        self.wait_ready(proxy)
        self.assert_answers(proxy)

    def test_a_lease_that_ends_and_one_that_begins(self):
        server = self.started(self.deployment.serve())
        self.deployment.provision(server.address)
        proxy = self.started(self.deployment.proxy(server.address))
        self.wait_ready(proxy)
        self.assert_answers(proxy)
        # Keys are new under another lease, so that the proxy has to attest again.
        self.deployment.provision(server.address, "--lease", "1s")
        time.sleep(3)
        status, error = classify(proxy)
        self.assertEqual(status, 503)
        self.assertIn("lease", error)
        self.assertIn("infenclave provision", error)
        self.deployment.provision(server.address)
        self.wait_ready(proxy)
        self.assert_answers(proxy)

    def test_another_enclave_and_a_policy_that_is_revoked(self):
        server = self.started(self.deployment.serve())
        self.deployment.provision(server.address)
        proxy = self.started(self.deployment.proxy(server.address))
        self.wait_ready(proxy)
        policy = self.deployment.folder / "policy.json"
        good = policy.read_text()
        # Without a policy nothing is sent to any server.
        policy.unlink()
        self.wait_refused(proxy, "policy.json cannot be read")
        status, error = classify(proxy)
        self.assertEqual(status, 503)
        self.assertIn("policy.json", error)
        # Another one, which this enclave does not satisfy.
        other = Deployment()
        self.addCleanup(other.remove)
        shutil.copy(other.folder / "policy.json", policy)
        self.wait_refused(proxy, "evidence rejected")
        status, error = classify(proxy)
        self.assertEqual(status, 503)
        self.assertIn("not attested, and nothing was sent", error)
        policy.write_text(good)
        self.wait_ready(proxy)
        self.assert_answers(proxy)

    def test_several_servers(self):
        servers = [self.started(self.deployment.serve()) for _ in range(2)]
        for server in servers:
            self.deployment.provision(server.address)
        proxy = self.started(self.deployment.proxy(*[server.address for server in servers]))
        self.wait_ready(proxy)
        proxy.wait(*[f"served by {server.address}" for server in servers])
        for _ in range(4):
            self.assert_answers(proxy)
        servers[0].stop()
        for _ in range(6):
            self.assert_answers(proxy)
        proxy.wait(f"not served by {servers[0].address}")

    def test_the_key_of_a_proxy_that_others_reach(self):
        refused = subprocess.run(
            [BIN / "infenclave", "proxy", "--server", "http://127.0.0.1:1", "--policy", "policy.json", "--token",
             "client.token", "--tee", "development", "--listen", "0.0.0.0:0"],
            cwd=self.deployment.folder, capture_output=True, text=True)
        self.assertEqual(refused.returncode, 64)
        self.assertIn("--api-key", refused.stderr)
        key = self.deployment.folder / "api.key"
        key.touch(0o600)
        key.write_text("0123456789abcdefghij\n")
        server = self.started(self.deployment.serve())
        self.deployment.provision(server.address)
        proxy = self.started(self.deployment.proxy(server.address, options=["--api-key", "api.key"]))
        self.assertEqual(ask(proxy)[0], 401)
        bearer = {"Authorization": "Bearer 0123456789abcdefghij"}
        proxy.wait("served by")
        self.assertEqual(ask(proxy, headers=bearer)[0], 200)

    def test_a_policy_for_the_development_tee_needs_the_word(self):
        refused = subprocess.run(
            [BIN / "infenclave", "proxy", "--server", "http://127.0.0.1:1", "--policy", "policy.json", "--token",
             "client.token"], cwd=self.deployment.folder, capture_output=True, text=True)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("--tee development", refused.stderr)


if __name__ == "__main__":
    unittest.main()
