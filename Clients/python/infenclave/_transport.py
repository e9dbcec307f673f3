# SPDX-License-Identifier: Apache-2.0
"""HTTP to a server: urllib, or a client of requests or httpx that the caller passes."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import json
import secrets
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any, NamedTuple

from . import _deadline
from ._errors import Error, InvalidConfiguration, InvalidResponse, Refused, TimedOut, Unreachable

_CHUNK = 1 << 16
_REMEDY = "check the address and that `infenclave serve` runs"
_LATE, _BROKEN, _NO_CONNECTION = "it did not answer in time", "the connection broke", "no connection could be made"
_UNCONNECTED = {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EHOSTDOWN}


class Answer(NamedTuple):
    """An answer with status 200."""

    content_type: str
    body: bytes


class Address:
    """A server's address: ``http://HOST:PORT``, followed by ``/models/NAME`` if it serves several models."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url) if isinstance(url, str) else None
        try:
            usable = parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable or parts is None or parts.query or parts.fragment or "@" in parts.netloc:
            # The message does not repeat it, because it may contain a password.
            raise InvalidConfiguration("this is no server address", "write it as https://HOST:PORT")
        self.base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self.authority = parts.netloc
        # A balancer can route all requests to one server by it. There are only 256 values, so that it does not identify
        # a client.
        self.route = f"{secrets.randbelow(256):02x}"
        host = parts.hostname or ""
        try:
            self.is_loopback = ipaddress.ip_address(host).is_loopback
        except ValueError:
            self.is_loopback = host == "localhost"

    def change_route(self) -> None:
        """The route led to a server that does not serve; another one may."""
        self.route = f"{(int(self.route, 16) + 1 + secrets.randbelow(255)) % 256:02x}"

    def headers(self, content_type: str | None) -> dict[str, str]:
        """Headers that are added to those of the library."""
        return {"infenclave-route": self.route, **({"Content-Type": content_type} if content_type else {})}

    def unreachable(self, words: str, *, is_retryable: bool, is_stale: bool = False) -> Unreachable:
        """The error for a request without an answer."""
        kind = TimedOut if words == _LATE else Unreachable
        error = kind(f"{self.base} cannot be reached: {words}", _REMEDY, is_retryable=is_retryable)
        error.is_stale = is_stale
        return error

    def late(self) -> Unreachable:
        """The error for a request after its time limit. The host may have received it."""
        return self.unreachable(_LATE, is_retryable=False)

    def failure(self, error: BaseException, body: bytes | None, *, is_late: bool, is_kept: bool = False) -> Error:
        """Translates an exception of an HTTP library.

        Args:
            error: The exception, with its causes.
            body: What was posted. A request without a body changes nothing, so it may always be sent again.
            is_late: Whether the library reports a timeout.
            is_kept: Whether it occurred before any part of an answer, over a connection that was kept from an earlier
                request.
        """
        causes = list(_causes(error))
        if is_late:
            return self.late()
        if any(isinstance(cause, socket.gaierror) or type(cause).__name__ == "NameResolutionError" for cause in causes):
            return self.unreachable("the host name is unknown", is_retryable=True)
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            return self.unreachable("this system does not trust its certificate", is_retryable=True)
        if any(isinstance(cause, OSError) and cause.errno in _UNCONNECTED for cause in causes):
            return self.unreachable(_NO_CONNECTION, is_retryable=True)
        if any(type(cause).__name__ in _NOT_HTTP for cause in causes):
            return InvalidResponse("the server's answer is not HTTP", _REMEDY)
        return self.unreachable(_BROKEN, is_retryable=body is None or is_kept, is_stale=is_kept)


_NOT_HTTP = {
    "HTTPException", "BadStatusLine", "UnknownProtocol", "LineTooLong", "InvalidHeader", "HeaderParsingError", "DecodingError",
    "ContentDecodingError", "DecodeError",
}


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and its causes, which each library stores differently."""
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]


def bounded(chunks: Any, limit: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise InvalidResponse(f"the answer is over {limit} bytes")
    return bytes(body)


def answer(status: int, headers: Any, body: bytes) -> Answer:
    """The answer; a refusal is raised. The host is not trusted: its message is only shown."""
    if status == 200:
        return Answer(headers.get("Content-Type", ""), body)
    try:
        error = json.loads(body)["error"]
        code, message, remedy = (error[name] for name in ("code", "message", "remedy"))
        if not all(isinstance(text, str) for text in (code, message, remedy)):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        if status in (502, 503, 504):
            # A balancer or proxy has no server for the request. With 503 it has not forwarded the request.
            raise Unreachable(
                f"a proxy in front of the server answered with HTTP status {status}: the server is gone, or does not answer",
                "try again; the answer to this request is lost", is_retryable=status == 503) from None
        raise InvalidResponse(
            f"the server answered with HTTP status {status}", "check that the address is that of `infenclave serve`"
        ) from None

    def plain(text: str, count: int) -> str:
        return "".join(character if character.isprintable() else "?" for character in text[:count])

    after = headers.get("Retry-After") or ""
    raise Refused(
        f"the server refused: {plain(message, 300)}", plain(remedy, 300), plain(code, 64),
        is_retryable=code in ("overloaded", "enclaveUnavailable", "evidenceUnavailable"),
        retry_after=int(after) if after.isascii() and after.isdigit() and len(after) < 6 else None)


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class UrllibTransport:
    """The standard library's HTTP, with a connection for each request."""

    def __init__(self, address: Address, timeout: float) -> None:
        handlers: list[Any] = [_NoRedirection(), *_deadline.handlers()]
        if address.is_loopback:
            # The environment's proxies cannot reach this machine's own addresses.
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)
        self._address, self._timeout = address, timeout

    def send(self, url: str, body: bytes | None, content_type: str | None, limit: int) -> Answer:
        request, attempt = _deadline.Request(url, body, self._address.headers(content_type)), _deadline.Attempt()
        request.attempt = attempt
        return attempt.result(self._address.late, lambda: self._sent(request, body, limit))

    def _sent(self, request: _deadline.Request, body: bytes | None, limit: int) -> Answer:
        try:
            try:
                response = self._opener.open(request, timeout=self._timeout)
            except urllib.error.HTTPError as error:
                response = error
            with response:
                data = bounded(iter(lambda: response.read(_CHUNK), b""), limit)
                if getattr(response, "length", None):
                    raise ConnectionResetError("it ended before the answer did")
                return answer(response.status, response.headers, data)
        except Error:
            raise
        except Exception as error:
            # For an answer that is not HTTP, http.client raises an exception that is no OSError.
            if not isinstance(error, (OSError, ValueError)) and type(error).__module__ != "http.client":
                raise
            late = any(isinstance(cause, TimeoutError) for cause in _causes(error))
            raise self._address.failure(error, body, is_late=late) from None


class RequestsTransport:
    """Uses the caller's ``requests.Session``."""

    def __init__(self, address: Address, session: Any, timeout: float) -> None:
        self._address, self._session, self._timeout = address, session, timeout

    def send(self, url: str, body: bytes | None, content_type: str | None, limit: int) -> Answer:
        attempt = _deadline.Attempt()
        return attempt.result(self._address.late, lambda: self._sent(attempt, url, body, content_type, limit))

    def _sent(self, attempt: _deadline.Attempt, url: str, body: bytes | None, content_type: str | None, limit: int) -> Answer:
        import requests

        opened, has_answer = self._opened(url), False
        try:
            with self._session.request("POST" if body is not None else "GET", url, data=body,
                                       headers=self._address.headers(content_type), stream=True,
                                       timeout=self._timeout, allow_redirects=False) as response:
                has_answer = True
                attempt.breaks(lambda: response.raw.fileno())
                return answer(response.status_code, response.headers, bounded(response.iter_content(_CHUNK), limit))
        except requests.RequestException as error:
            kept = not has_answer and opened is not None and opened == self._opened(url)
            raise self._address.failure(error, body, is_late=isinstance(error, requests.Timeout), is_kept=kept) from None

    def _opened(self, url: str) -> int | None:
        """The number of connections that urllib3 has made; None if it is not known, as through a proxy."""
        try:
            pools = self._session.get_adapter(url).poolmanager.pools
            return sum(pools.get(key).num_connections for key in pools.keys()) or None
        except (AttributeError, TypeError, ValueError):
            return None


class HTTPXTransport:
    """Uses the caller's ``httpx.Client``."""

    def __init__(self, address: Address, client: Any, timeout: float) -> None:
        self._address, self._client, self._timeout = address, client, timeout

    def send(self, url: str, body: bytes | None, content_type: str | None, limit: int) -> Answer:
        attempt = _deadline.Attempt()
        return attempt.result(self._address.late, lambda: self._sent(attempt, url, body, content_type, limit))

    def _sent(self, attempt: _deadline.Attempt, url: str, body: bytes | None, content_type: str | None, limit: int) -> Answer:
        import httpx

        steps: set[str] = set()

        def breaks(stream: Any) -> None:
            attempt.breaks(lambda: stream.get_extra_info("socket").fileno())

        def trace(step: str, info: Any) -> None:
            steps.add(step)
            if step.startswith("connection.") and info.get("return_value") is not None:
                breaks(info["return_value"])

        try:
            with self._client.stream(
                "POST" if body is not None else "GET", url, content=body, headers=self._address.headers(content_type),
                timeout=self._timeout, follow_redirects=False, extensions={"trace": trace},
            ) as response:
                steps.add(_ANSWERED)
                breaks(response.extensions.get("network_stream"))
                return answer(response.status_code, response.headers, bounded(response.iter_bytes(), limit))
        except httpx.HTTPError as error:
            raise _httpx_failure(self._address, error, body, steps) from None


class AsyncHTTPXTransport:
    """Uses the caller's ``httpx.AsyncClient``."""

    def __init__(self, address: Address, client: Any, timeout: float) -> None:
        self._address, self._client, self._timeout = address, client, timeout

    async def send(self, url: str, body: bytes | None, content_type: str | None, limit: int) -> Answer:
        try:
            return await asyncio.wait_for(self._sent(url, body, content_type, limit), _deadline.SECONDS)
        except asyncio.TimeoutError:
            raise self._address.late() from None

    async def _sent(self, url: str, body: bytes | None, content_type: str | None, limit: int) -> Answer:
        import httpx

        steps: set[str] = set()

        async def trace(step: str, _: Any) -> None:
            steps.add(step)

        try:
            async with self._client.stream(
                "POST" if body is not None else "GET", url, content=body, headers=self._address.headers(content_type),
                timeout=self._timeout, follow_redirects=False, extensions={"trace": trace},
            ) as response:
                steps.add(_ANSWERED)
                chunks = []
                count = 0
                async for chunk in response.aiter_bytes():
                    chunks.append(chunk)
                    count += len(chunk)
                    if count > limit:
                        break
                return answer(response.status_code, response.headers, bounded(chunks, limit))
        except httpx.HTTPError as error:
            raise _httpx_failure(self._address, error, body, steps) from None


_ANSWERED = "answered"


def _httpx_failure(address: Address, error: Any, body: bytes | None, steps: set[str]) -> Error:
    import httpx

    # A request that did not open a connection used a kept one, if it was sent at all.
    kept = _ANSWERED not in steps and any("send_request" in step for step in steps) and not any(
        step.startswith("connection.connect") for step in steps)
    if isinstance(error, (httpx.ConnectError, httpx.ProxyError)) and not any(
            isinstance(cause, (socket.gaierror, ssl.SSLCertVerificationError)) for cause in _causes(error)):
        return address.unreachable(_NO_CONNECTION, is_retryable=True)
    if isinstance(error, httpx.RemoteProtocolError) and not str(error).startswith(("Server disconnected", "peer closed")):
        return InvalidResponse("the server's answer is not HTTP", _REMEDY)
    return address.failure(error, body, is_late=isinstance(error, httpx.TimeoutException), is_kept=kept)


def transport(address: Address, http: Any, timeout: float) -> Any:
    """The blocking transport for a client."""
    if http is None:
        return UrllibTransport(address, timeout)
    kind = type(http).__mro__
    if any(base.__module__.startswith("requests") and base.__name__ == "Session" for base in kind):
        return RequestsTransport(address, http, timeout)
    if any(base.__module__.startswith("httpx") and base.__name__ == "Client" for base in kind):
        return HTTPXTransport(address, http, timeout)
    raise InvalidConfiguration(f"{type(http).__name__} sends no HTTP here", "pass a requests.Session or an httpx.Client")
