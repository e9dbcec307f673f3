# SPDX-License-Identifier: Apache-2.0
"""The time limit of one request with its answer.

The time-outs of HTTP libraries count from one byte to the next. A host that sends a byte now and then, in a header, in the body or
between two chunks of it, would hold a request for hours. So each request runs on a separate thread, and the caller waits for a
limited time.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import contextvars
import http.client
import socket
import threading
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

# As in the Swift library.
SECONDS = 240.0
Value = TypeVar("Value")


class Attempt:
    """A request of a blocking library."""

    def __init__(self) -> None:
        self._lock, self._is_late = threading.Lock(), False
        self._socket: socket.socket | None = None

    def breaks(self, socket_number: Callable[[], int]) -> None:
        """Sets the socket that is shut down when the time is up, so that the thread ends too. The request's thread calls this
        while its socket is open. If the caller's library does not reveal its socket, the thread runs as long as the host
        sends."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            # A duplicate: after the owner has closed the socket, its number may be that of another file. An SSLSocket is not
            # shut down itself, as it would send what follows in plain. The family does not matter for that.
            copy = socket.fromfd(socket_number(), socket.AF_INET, socket.SOCK_STREAM)
            with self._lock:
                former, self._socket = self._socket, copy
                is_late = self._is_late
            if former:
                former.close()
            if is_late:
                self._end(is_late)

    def _end(self, is_late: bool) -> None:
        with self._lock:
            self._is_late = is_late
            copy, self._socket = self._socket, None
        if copy:
            with copy, contextlib.suppress(OSError):
                if is_late:
                    copy.shutdown(socket.SHUT_RDWR)

    def result(self, late: Callable[[], Exception], work: Callable[[], Value]) -> Value:
        """The result of the request. Raises `late` when the time is up."""
        outcome: concurrent.futures.Future[Value] = concurrent.futures.Future()
        context = contextvars.copy_context()

        def run(outcome: concurrent.futures.Future[Value]) -> None:
            try:
                outcome.set_result(context.run(work))
            except BaseException as error:
                outcome.set_exception(error)
            finally:
                del outcome

        threading.Thread(target=run, args=(outcome,), name="infenclave request", daemon=True).start()
        try:
            concurrent.futures.wait([outcome], SECONDS)
            if outcome.done():
                return outcome.result()
        finally:
            # Also if a person interrupts it.
            self._end(is_late=not outcome.done())
            # An exception of it refers to this frame, as to that of the thread.
            del outcome
        raise late()


class Request(urllib.request.Request):
    """A request of urllib that tells its attempt the connection."""

    attempt: Attempt


class _Connection:
    attempt: Attempt | None = None
    sock: socket.socket

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        if self.attempt:
            self.attempt.breaks(self.sock.fileno)


class _HTTPConnection(_Connection, http.client.HTTPConnection):
    pass


class _HTTPSConnection(_Connection, http.client.HTTPSConnection):
    pass


class _Handler:
    connection: Any

    def do_open(self, http_class: Any, req: urllib.request.Request, **arguments: Any) -> Any:
        def connection(*places: Any, **options: Any) -> Any:
            made = self.connection(*places, **options)
            if isinstance(req, Request):
                made.attempt = req.attempt
            return made

        return super().do_open(connection, req, **arguments)  # type: ignore[misc]


class _HTTP(_Handler, urllib.request.HTTPHandler):
    connection = _HTTPConnection


class _HTTPS(_Handler, urllib.request.HTTPSHandler):
    connection = _HTTPSConnection


def handlers() -> list[urllib.request.BaseHandler]:
    """Of urllib, for requests of this module."""
    return [_HTTP(), _HTTPS()]
