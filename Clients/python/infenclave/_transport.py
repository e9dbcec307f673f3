"""HTTP to a server: urllib, or what the caller brings of requests or httpx."""

from __future__ import annotations

import ipaddress
import json
import secrets
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, NamedTuple

from ._errors import InvalidConfiguration, InvalidResponse, Refused, Unreachable

_CHUNK = 1 << 16
_REMEDY = "check the address and that `infenclave serve` runs"


class Answer(NamedTuple):
    """What came back with status 200."""

    content_type: str
    body: bytes


class Address:
    """A server's address: ``http://HOST:PORT``, with ``/models/NAME`` behind it where it serves several."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url) if isinstance(url, str) else None
        try:
            usable = parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable or parts is None or parts.query or parts.fragment or "@" in parts.netloc:
            # Not repeated in the message: a password may stand there.
            raise InvalidConfiguration("this is no server address", "write it as https://HOST:PORT")
        self.base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self.authority = parts.netloc
        # By it a balancer leads all requests to one server. One of 256, so that it tells nobody apart.
        self.route = f"{secrets.randbelow(256):02x}"
        host = parts.hostname or ""
        try:
            self.is_loopback = ipaddress.ip_address(host).is_loopback
        except ValueError:
            self.is_loopback = host == "localhost"


def headers(route: str, content_type: str | None) -> dict[str, str]:
    """What a request says beside what its library does."""
    return {"infenclave-route": route, **({"Content-Type": content_type} if content_type else {})}


def bounded(chunks: Any, limit: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise InvalidResponse(f"the answer is over {limit} bytes")
    return bytes(body)


def answer(status: int, content_type: str, body: bytes) -> Answer:
    """The answer; a refusal is raised. The host is not trusted: its words are shown, and nothing rests on them."""
    if status == 200:
        return Answer(content_type, body)
    try:
        error = json.loads(body)["error"]
        code, message, remedy = (str(error[name]) for name in ("code", "message", "remedy"))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InvalidResponse(
            f"the server answered with HTTP status {status}", "check that the address is that of `infenclave serve`"
        ) from None

    def plain(text: str, count: int) -> str:
        return "".join(character if character.isprintable() else "?" for character in text[:count])

    raise Refused(f"the server refused: {plain(message, 300)}", plain(remedy, 300), plain(code, 64))


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class UrllibTransport:
    """The standard library's HTTP."""

    def __init__(self, address: Address, timeout: float) -> None:
        handlers: list[Any] = [_NoRedirection()]
        if address.is_loopback:
            # Proxies of the environment cannot reach this machine as the client does.
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)
        self._timeout, self._route = timeout, address.route

    def send(self, url: str, body: bytes | None, content_type: str | None, limit: int) -> Answer:
        request = urllib.request.Request(url, body, headers(self._route, content_type))
        try:
            try:
                response = self._opener.open(request, timeout=self._timeout)
            except urllib.error.HTTPError as error:
                response = error
            with response:
                return answer(response.status, response.headers.get("Content-Type", ""),
                              bounded(iter(lambda: response.read(_CHUNK), b""), limit))
        except (OSError, ValueError) as error:
            raise Unreachable(f"{url.split('?')[0]} cannot be reached: {getattr(error, 'reason', error)}", _REMEDY) from None
        except Exception as error:
            # What http.client raises for an answer that is no HTTP.
            if type(error).__module__ == "http.client":
                raise InvalidResponse("what the server sent is no answer in HTTP", _REMEDY) from None
            raise


class RequestsTransport:
    """A ``requests.Session`` of the caller's."""

    def __init__(self, address: Address, session: Any, timeout: float) -> None:
        self._session, self._timeout, self._route = session, timeout, address.route

    def send(self, url: str, body: bytes | None, content_type: str | None, limit: int) -> Answer:
        import requests

        try:
            with self._session.request("POST" if body is not None else "GET", url, data=body,
                                       headers=headers(self._route, content_type), stream=True,
                                       timeout=self._timeout, allow_redirects=False) as response:
                return answer(response.status_code, response.headers.get("Content-Type", ""),
                              bounded(response.iter_content(_CHUNK), limit))
        except requests.RequestException as error:
            raise Unreachable(f"{url.split('?')[0]} cannot be reached: {error}", _REMEDY) from None


class HTTPXTransport:
    """An ``httpx.Client`` of the caller's."""

    def __init__(self, address: Address, client: Any, timeout: float) -> None:
        self._client, self._timeout, self._route = client, timeout, address.route

    def send(self, url: str, body: bytes | None, content_type: str | None, limit: int) -> Answer:
        import httpx

        try:
            with self._client.stream("POST" if body is not None else "GET", url, content=body,
                                     headers=headers(self._route, content_type), timeout=self._timeout, follow_redirects=False) as response:
                return answer(response.status_code, response.headers.get("Content-Type", ""),
                              bounded(response.iter_bytes(), limit))
        except httpx.HTTPError as error:
            raise Unreachable(f"{url.split('?')[0]} cannot be reached: {error}", _REMEDY) from None


class AsyncHTTPXTransport:
    """An ``httpx.AsyncClient`` of the caller's."""

    def __init__(self, address: Address, client: Any, timeout: float) -> None:
        self._client, self._timeout, self._route = client, timeout, address.route

    async def send(self, url: str, body: bytes | None, content_type: str | None, limit: int) -> Answer:
        import httpx

        try:
            async with self._client.stream("POST" if body is not None else "GET", url, content=body,
                                           headers=headers(self._route, content_type), timeout=self._timeout, follow_redirects=False) as response:
                chunks = []
                count = 0
                async for chunk in response.aiter_bytes():
                    chunks.append(chunk)
                    count += len(chunk)
                    if count > limit:
                        break
                return answer(response.status_code, response.headers.get("Content-Type", ""), bounded(chunks, limit))
        except httpx.HTTPError as error:
            raise Unreachable(f"{url.split('?')[0]} cannot be reached: {error}", _REMEDY) from None


def transport(address: Address, http: Any, timeout: float) -> Any:
    """What sends for a client that does not wait asynchronously."""
    if http is None:
        return UrllibTransport(address, timeout)
    kind = type(http).__mro__
    if any(base.__module__.startswith("requests") and base.__name__ == "Session" for base in kind):
        return RequestsTransport(address, http, timeout)
    if any(base.__module__.startswith("httpx") and base.__name__ == "Client" for base in kind):
        return HTTPXTransport(address, http, timeout)
    raise InvalidConfiguration(f"{type(http).__name__} sends no HTTP here", "pass a requests.Session or an httpx.Client")
