# SPDX-License-Identifier: Apache-2.0
"""A policy that is replaced, and one that is withdrawn."""

import asyncio
import json
import threading

import pytest
from deployment import DEMO
from meddler import Meddler

import infenclave

STOP = DEMO / "client/stop.png"
EVIDENCE = "/.well-known/infenclave/evidence"
KINDS = ["Client", "AsyncClient"]


def client_of(kind, deployment, url):
    return getattr(infenclave, kind)(url, deployment.policy, deployment.token, dangerously_accept_development=True)


def done(value):
    """The result of a client of either kind."""
    return asyncio.run(value) if asyncio.iscoroutine(value) else value


@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_may_be_replaced(kind, deployment, server):
    with Meddler(server.url) as host:
        client = client_of(kind, deployment, host.url)

        def classify():
            return done(client.classify(STOP))

        assert classify()[0].name == "Stop"
        other = {**json.loads(deployment.policy.read_bytes()), "measurements": {"development": ["11" * 48]}}
        client.replace_policy(json.dumps(other).encode())
        host.asked.clear()
        with pytest.raises(infenclave.AttestationRejected):
            classify()
        assert host.paths == [EVIDENCE]
        # An unusable policy does not replace the current one.
        for wrong in (b"", b"{}", "/nowhere/policy.json"):
            with pytest.raises(infenclave.InvalidConfiguration, match="policy"):
                client.replace_policy(wrong)
        with pytest.raises(infenclave.AttestationRejected):
            classify()
        client.replace_policy(deployment.policy)
        assert classify()[0].name == "Stop"


@pytest.mark.parametrize("kind", KINDS)
def test_under_a_policy_that_was_withdrawn_nothing_is_sent_until_there_is_another(kind, deployment, server):
    with Meddler(server.url) as host:
        client = client_of(kind, deployment, host.url)
        assert done(client.classify(STOP))[0].name == "Stop"
        host.asked.clear()
        client.withdraw_policy("it is gone")
        assert kind == "Client" or client.attestation is None
        for call in (lambda: client.classify(STOP), lambda: client.attest(), lambda: client.classify_batch([STOP] * 2)):
            with pytest.raises(infenclave.InvalidConfiguration) as caught:
                done(call())
            assert (caught.value.message, caught.value.code) == ("it is gone", "invalidConfiguration")
            assert not caught.value.is_retryable
        # An unusable policy does not end the withdrawal.
        with pytest.raises(infenclave.InvalidConfiguration, match="policy"):
            client.replace_policy(b"{}")
        with pytest.raises(infenclave.InvalidConfiguration, match="it is gone"):
            done(client.classify(STOP))
        assert host.paths == []
        client.replace_policy(deployment.policy)
        assert done(client.classify(STOP))[0].name == "Stop"
        assert host.paths == [EVIDENCE, "/ohttp"]
        with pytest.raises(infenclave.InvalidConfiguration, match="reason"):
            client.withdraw_policy("")
        assert done(client.classify(STOP))[0].name == "Stop"


def test_a_policy_that_is_withdrawn_within_a_call_ends_the_call(deployment, server):
    # While evidence is received: nothing is encrypted to its keys.
    with Meddler(server.url) as host:
        client = client_of("Client", deployment, host.url)
        host.change = lambda path, body: client.withdraw_policy("it is gone") or body
        with pytest.raises(infenclave.InvalidConfiguration, match="it is gone"):
            client.classify(STOP)
        assert host.paths == [EVIDENCE]
    # While the picture is sealed.
    with Meddler(server.url) as host:
        client = client_of("Client", deployment, host.url)
        client.attest()
        host.asked.clear()
        seal = client._core.seal

        def late(*arguments):
            request = seal(*arguments)
            client.withdraw_policy("it is gone")
            return request

        client._core.seal = late
        with pytest.raises(infenclave.InvalidConfiguration, match="it is gone"):
            client.classify(STOP)
        assert host.paths == []


def test_a_withdrawal_from_another_thread_ends_a_batch(deployment, server):
    with Meddler(server.url) as host:
        client = client_of("Client", deployment, host.url)
        count = iter(range(1000))

        def change(path, body):
            if path == "/ohttp" and next(count) == 3:
                thread = threading.Thread(target=client.withdraw_policy, args=("it is gone",))
                thread.start()
                thread.join()
            return body

        host.change = change
        with pytest.raises(infenclave.InvalidConfiguration, match="it is gone"):
            client.classify_batch([STOP] * 20, maximum_in_flight=2)
        # Two were in flight.
        assert len(host.posted) <= 5
