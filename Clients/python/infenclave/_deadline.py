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
import os
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
        self._lock, self._is_over = threading.Lock(), False
        self._socket: Callable[[], int] | None = None

    def breaks(self, socket_number: Callable[[], int]) -> None:
        """Sets the socket that is shut down when the time is up, so that the thread ends too. If the caller's library does not
        reveal its socket, the thread runs as long as the host sends."""
        with self._lock:
            self._socket, is_over = socket_number, self._is_over
        if is_over:
            self._break()

    def _break(self) -> None:
        # It may be closed by now, or not be open yet. An SSLSocket is not shut down itself, as it would send what follows in plain.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            if self._socket:
                with socket.socket(fileno=os.dup(self._socket())) as copy:
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
            if not outcome.done():
                with self._lock:
                    self._is_over = True
                self._break()
            # An exception of it refers to this frame, as to that of the thread.
            del outcome
        raise late()


class Request(urllib.request.Request):
    """A request of urllib that tells its attempt the connection."""

    attempt: Attempt


class _Handler:
    def do_open(self, http_class: Any, req: urllib.request.Request, **arguments: Any) -> Any:
        def connection(*places: Any, **options: Any) -> Any:
            made = http_class(*places, **options)
            if isinstance(req, Request):
                req.attempt.breaks(lambda: made.sock.fileno())
            return made

        return super().do_open(connection, req, **arguments)  # type: ignore[misc]


class _HTTP(_Handler, urllib.request.HTTPHandler):
    pass


class _HTTPS(_Handler, urllib.request.HTTPSHandler):
    pass


def handlers() -> list[urllib.request.BaseHandler]:
    """Of urllib, for requests of this module."""
    return [_HTTP(), _HTTPS()]
