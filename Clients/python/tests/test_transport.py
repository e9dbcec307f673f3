# SPDX-License-Identifier: Apache-2.0
"""The errors for the failures of each HTTP library, and the repeated requests."""

import asyncio
import contextlib
import json
import os
import socket
import threading
import time

import pytest
from conftest import PACKAGE
from deployment import DEMO
from meddler import Meddler

import infenclave
from infenclave import AsyncClient, Client, _deadline

STOP = DEMO / "client/stop.png"
EVIDENCE = "/.well-known/infenclave/evidence"
KINDS = ["urllib", "requests", "httpx", "asynchronous urllib", "asynchronous httpx"]


@contextlib.contextmanager
def client_of(kind, deployment, url, **options):
    """Classifies and attests over a library."""
    library = kind.split()[-1]
    http = None
    if library != "urllib":
        module = pytest.importorskip(library)
        http = (module.Session() if library == "requests" else module.AsyncClient(trust_env=False)
                if "asynchronous" in kind else module.Client(trust_env=False))
    client = (AsyncClient if "asynchronous" in kind else Client)(
        url, deployment.policy, deployment.token, dangerously_accept_development=True, http=http, **options)
    with contextlib.ExitStack() as stack:
        if "asynchronous" not in kind:
            yield client
        else:
            loop = stack.enter_context(asyncio.Runner()) if hasattr(asyncio, "Runner") else None
            run = loop.run if loop else asyncio.new_event_loop().run_until_complete

            class Waiting:
                def classify(self, picture):
                    return run(client.classify(picture))

                def attest(self):
                    return run(client.attest())

            yield Waiting()


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


class Listener:
    """A server that treats each connection as a function does."""

    def __init__(self, treat):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.count = 0
        self._treat = treat
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.count += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            self._treat(connection)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()


def refusing(error):
    with pytest.raises(infenclave.Error) as caught:
        error()
    return caught.value


def test_no_connection_is_tried_three_times(kind, deployment):
    with client_of(kind, deployment, "http://127.0.0.1:9") as client:
        begin = time.monotonic()
        error = refusing(client.attest)
        assert (type(error), error.code, error.is_retryable) == (infenclave.Unreachable, "unreachable", True)
        assert error.message == "http://127.0.0.1:9 cannot be reached: no connection could be made"
        assert "infenclave serve" in error.remedy
        # Two pauses, 0.2 s and 0.4 s.
        assert 0.6 <= time.monotonic() - begin
    with client_of(kind, deployment, "http://127.0.0.1:9", maximum_attempts=1) as client:
        begin = time.monotonic()
        refusing(client.attest)
        assert time.monotonic() - begin < 0.6


def test_silence_is_a_time_out_and_is_not_tried_again(kind, deployment):
    with Listener(lambda connection: time.sleep(10)) as server:
        with client_of(kind, deployment, server.url, timeout=0.5) as client:
            error = refusing(client.attest)
        assert (type(error), error.code, error.is_retryable) == (infenclave.TimedOut, "timedOut", False)
        assert error.message == f"{server.url} cannot be reached: it did not answer in time"
        assert isinstance(error, infenclave.Unreachable) and server.count == 1


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
TRICKLES = {
    "header": (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"), "body": (HEAD + b"Content-Length: 100000\r\n\r\n", b" "),
    "chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n186A0\r\n", b" "),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "size of a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x"),
}


@pytest.mark.parametrize("place", TRICKLES)
def test_a_host_that_sends_a_byte_now_and_then_is_given_up_at_the_deadline(place, kind, deployment, monkeypatch):
    monkeypatch.setattr(_deadline, "SECONDS", 1.0)
    first, more = TRICKLES[place]
    ended, is_over = threading.Event(), threading.Event()

    def talk(connection):
        connection.recv(1 << 16)
        connection.sendall(first)
        try:
            for _ in range(36_000):
                if is_over.wait(0.1):
                    return
                connection.sendall(more)
        except OSError:
            ended.set()

    with Listener(talk) as server, client_of(kind, deployment, server.url) as client, contextlib.ExitStack() as stack:
        # A thread of requests goes on until the host ends.
        stack.callback(is_over.set)
        begin = time.monotonic()
        # The second attestation would wait for the lock of the first.
        for count in (1, 2):
            error = refusing(client.attest)
            assert (type(error), error.code, error.is_retryable) == (infenclave.TimedOut, "timedOut", False)
            assert error.message == f"{server.url} cannot be reached: it did not answer in time"
            # All bytes take an hour; a busy machine may be slow.
            assert 0.9 * count < time.monotonic() - begin < 600 * count
        assert server.count == 2
        # The host notices that the client no longer reads. Only requests does not reveal its socket before the headers
        # arrive.
        assert (place, kind) == ("header", "requests") or ended.wait(600)
        if (place, kind) != ("header", "requests"):
            end = time.monotonic() + 600
            while any(thread.name == "infenclave request" for thread in threading.enumerate()):
                assert time.monotonic() < end
                time.sleep(0.05)


def test_the_deadline_leaves_a_socket_alone_that_has_the_number_of_a_closed_one(monkeypatch):
    monkeypatch.setattr(_deadline, "SECONDS", 0.2)
    (own, far), (other, peer) = socket.socketpair(), socket.socketpair()
    number, attempt, is_over = own.fileno(), _deadline.Attempt(), threading.Event()

    def work():
        attempt.breaks(lambda: number)
        own.detach()
        os.dup2(other.fileno(), number)
        is_over.wait(600)

    with far, other, peer:
        with pytest.raises(TimeoutError):
            attempt.result(TimeoutError, work)
        is_over.set()
        other.sendall(b"x")
        assert (peer.recv(1), far.recv(1)) == (b"x", b"")
        os.close(number)


def test_a_request_in_time_leaves_no_duplicate_of_its_socket():
    own, far = socket.socketpair()
    attempt = _deadline.Attempt()
    with own, far:
        for _ in range(2):
            attempt.breaks(own.fileno)
        assert attempt.result(TimeoutError, lambda: 1) == 1
        own.sendall(b"x")
        own.close()
        assert (far.recv(1), far.recv(1)) == (b"x", b"")


def test_the_deadline_is_that_of_the_swift_library():
    source = PACKAGE / "Sources/Verifier/InfenclaveClient/Transport/ServerAddress.swift"
    if not source.exists():
        pytest.skip("the Swift sources are not there")
    assert f"deadline: Duration = .seconds({_deadline.SECONDS:.0f})" in source.read_text()


def test_evidence_is_asked_for_again_where_a_connection_broke(kind, deployment):
    with Listener(lambda connection: connection.recv(1 << 16)) as server:
        with client_of(kind, deployment, server.url) as client:
            error = refusing(client.attest)
        assert (error.code, error.message) == ("unreachable", f"{server.url} cannot be reached: the connection broke")
        assert server.count == 3


def test_what_is_no_http_is_said_and_not_asked_again(kind, deployment):
    def talk(connection):
        connection.recv(1 << 16)
        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

    with Listener(talk) as server:
        with client_of(kind, deployment, server.url) as client:
            error = refusing(client.attest)
        assert (type(error), error.is_retryable) == (infenclave.InvalidResponse, False)
        assert "is not HTTP" in error.message and server.count == 1


def test_an_answer_that_ends_too_early_is_a_broken_connection(kind, deployment):
    def talk(connection):
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")

    with Listener(talk) as server, client_of(kind, deployment, server.url, maximum_attempts=1) as client:
        error = refusing(client.attest)
        assert (error.code, error.message) == ("unreachable", f"{server.url} cannot be reached: the connection broke")


@pytest.mark.parametrize("status, attempts", [(502, 1), (503, 3), (504, 1)])
def test_a_balancer_without_a_server_is_no_server(status, attempts, kind, deployment, server):
    is_away = []

    def change(path, body):
        return (status, b"<html>gone</html>") if path == "/ohttp" and is_away else body

    with Meddler(server.url, change) as host, client_of(kind, deployment, host.url) as client:
        assert client.classify(STOP)[0].name == "Stop"
        host.asked.clear()
        is_away.append(True)
        error = refusing(lambda: client.classify(STOP))
        assert type(error) is infenclave.Unreachable and f"HTTP status {status}" in error.message
        # With 503 the request has reached no server; with the others a server may have served it, and it is not
        # encrypted again.
        assert host.paths == ["/ohttp"] * attempts and len(set(host.posted)) == attempts


@pytest.mark.parametrize("after, attempts, pause", [(None, 3, 0.6), ("1", 3, 2), ("60", 1, 0), ("soon", 3, 0.6)])
def test_a_server_that_is_overloaded_is_asked_again_when_it_says(after, attempts, pause, deployment, server):
    refusal = json.dumps({"error": {"code": "overloaded", "message": "busy", "remedy": "later"}}).encode()

    def change(path, body):
        return (503, refusal, {"Retry-After": after} if after else {}) if path == "/ohttp" else body

    with Meddler(server.url, change) as host, client_of("urllib", deployment, host.url) as client:
        begin = time.monotonic()
        error = refusing(lambda: client.classify(STOP))
        assert (error.code, error.refusal, error.is_retryable) == ("refused", "overloaded", True)
        assert host.paths == [EVIDENCE] + ["/ohttp"] * attempts
        assert pause <= time.monotonic() - begin


def test_an_overload_that_passes_is_not_noticed(kind, deployment, server):
    refusal = b'{"error":{"code":"overloaded","message":"busy","remedy":""}}'
    busy = [1, 1]

    def change(path, body):
        return (503, refusal) if path == "/ohttp" and busy and busy.pop() else body

    with Meddler(server.url, change) as host, client_of(kind, deployment, host.url) as client:
        assert client.classify(STOP)[0].name == "Stop"
        assert host.paths == [EVIDENCE] + ["/ohttp"] * 3


def relay(server, drop):
    """Forwards bytes in both directions; `drop` gets the number of the connection and its bytes so far, and decides when it
    ends."""
    target = server.url.removeprefix("http://").split(":")
    numbers = iter(range(1000))

    def treat(connection):
        number, received = next(numbers), b""
        with socket.create_connection((target[0], int(target[1]))) as onward:

            def back():
                with contextlib.suppress(OSError):
                    while data := onward.recv(1 << 16):
                        connection.sendall(data)

            threading.Thread(target=back, daemon=True).start()
            while data := connection.recv(1 << 16):
                received += data
                if drop(number, received):
                    connection.shutdown(socket.SHUT_RDWR)
                    return
                onward.sendall(data)

    return Listener(treat)


@pytest.mark.parametrize("kind", ["requests", "httpx", "asynchronous httpx"])
def test_a_kept_connection_that_breaks_is_made_anew_and_the_picture_sealed_again(kind, deployment, server):
    posts = []

    def drop(number, received):
        # Evidence arrives over the first connection, which breaks with the picture.
        if b"POST /ohttp" in received:
            posts.append(number)
        return number == 0 and b"POST /ohttp" in received

    with relay(server, drop) as host, client_of(kind, deployment, host.url, maximum_attempts=1) as client:
        assert client.classify(STOP)[0].name == "Stop"
        assert host.count == 2 and set(posts) == {0, 1}


@pytest.mark.parametrize("kind", KINDS)
def test_a_fresh_connection_that_breaks_may_have_carried_the_picture(kind, deployment, server):
    broken = []

    def drop(number, received):
        is_post = b"POST /ohttp" in received
        if is_post:
            broken.append(number)
        return is_post

    with relay(server, drop) as host, client_of(kind, deployment, host.url) as client:
        error = refusing(lambda: client.classify(STOP))
        assert (error.code, error.is_retryable) == ("unreachable", False)
        # Encrypted again once, if the first attempt used a kept connection.
        assert len(set(broken)) == (1 if "urllib" in kind else 2)
