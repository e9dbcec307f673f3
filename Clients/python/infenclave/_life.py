# SPDX-License-Identifier: Apache-2.0
"""The behaviour of a client over time, as in the Swift library: when it attests, and when it repeats or encrypts again. The
code is shared by blocking clients and those of asyncio: a ``Medium`` sends and waits. ``wait_for`` runs it if the medium
blocks.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from . import _library, _transport
from ._core import Classification, Core, Session, Tensor, is_of_unknown_key
from ._errors import AttestationRejected, Error, Refused, Unreachable
from ._pictures import Picture

_EVIDENCE_BYTES, _ANSWER_BYTES = 8 << 20, 4 << 20
# Seconds; the pause doubles from one attempt to the next. If a server asks for a longer one, there is no further
# attempt.
_FIRST_PAUSE, _MAXIMUM_PAUSE = 0.2, 2.0
# The maximum number of attestations during one request, beside the one before it. Behind a balancer without affinity, a
# request may several times reach a server that does not have its key.
_MAXIMUM_ATTESTATIONS = 8
Value = TypeVar("Value")


class Medium(Protocol):
    """How a client sends, waits and computes."""

    @property
    def lock(self) -> AbstractAsyncContextManager[Any]: ...

    async def send(self, url: str, body: bytes | None, content_type: str | None, limit: int) -> _transport.Answer: ...

    async def pause(self, seconds: float) -> None: ...

    async def compute(self, work: Callable[..., Value], *arguments: Any) -> Value: ...


class _BlockingLock(AbstractAsyncContextManager[None]):
    def __init__(self) -> None:
        self._lock = threading.Lock()

    async def __aenter__(self) -> None:
        self._lock.acquire()

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()


class BlockingMedium:
    """Blocks the calling thread."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._lock = _BlockingLock()

    @property
    def lock(self) -> AbstractAsyncContextManager[Any]:
        """One for all threads."""
        return self._lock

    async def send(self, url: str, body: bytes | None, content_type: str | None, limit: int) -> _transport.Answer:
        answer: _transport.Answer = self._transport.send(url, body, content_type, limit)
        return answer

    async def pause(self, seconds: float) -> None:
        time.sleep(seconds)

    async def compute(self, work: Callable[..., Value], *arguments: Any) -> Value:
        return work(*arguments)


class AsyncMedium:
    """Waits in asyncio; a transport that blocks, and what computes, has threads."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._locks: dict[asyncio.AbstractEventLoop, asyncio.Lock] = {}
        self._state = threading.Lock()

    @property
    def lock(self) -> AbstractAsyncContextManager[Any]:
        """The lock of the running loop: an asyncio lock belongs to the loop in which a task first waited for it."""
        loop = asyncio.get_running_loop()
        with self._state:
            if loop not in self._locks:
                self._locks = {one: lock for one, lock in self._locks.items() if not one.is_closed()}
                self._locks[loop] = asyncio.Lock()
            return self._locks[loop]

    async def send(self, url: str, body: bytes | None, content_type: str | None, limit: int) -> _transport.Answer:
        answer: _transport.Answer
        if isinstance(self._transport, _transport.AsyncHTTPXTransport):
            answer = await self._transport.send(url, body, content_type, limit)
        else:
            answer = await asyncio.to_thread(self._transport.send, url, body, content_type, limit)
        return answer

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def compute(self, work: Callable[..., Value], *arguments: Any) -> Value:
        return await asyncio.to_thread(work, *arguments)


def wait_for(work: Coroutine[Any, Any, Value]) -> Value:
    """Runs a coroutine that waits only by blocking."""
    try:
        work.send(None)
    except StopIteration as end:
        value: Value = end.value
        return value
    raise RuntimeError("a blocking medium awaited something else")


class Life:
    """One client's."""

    def __init__(self, core: Core, medium: Medium) -> None:
        self._core, self._medium = core, medium

    async def attest(self) -> Session:
        """Fetches evidence over a fresh nonce and appraises it."""
        async with self._medium.lock:
            return await self._retrying(self._attest)

    async def session(self) -> Session:
        """The session for the next request: the current one, or a new one."""
        if session := self._core.session:
            return session
        return await self._retrying(self._opened)

    async def _opened(self) -> Session:
        """One attempt, because the request that needs the session is repeated."""
        if session := self._core.session:
            return session
        async with self._medium.lock:
            return self._core.session or await self._attest()

    async def _attest(self) -> Session:
        while True:
            policy, generation = self._core.present_policy()
            try:
                session = await self._attested(policy)
            except AttestationRejected:
                # Nothing is encrypted any more to the keys of a session whose server now has other evidence.
                if self._core.keep(None, generation):
                    raise
                continue
            if self._core.keep(session, generation):
                return session

    async def _attested(self, policy: bytes) -> Session:
        nonce, url = self._core.question()
        document = (await self._medium.send(url, None, None, _EVIDENCE_BYTES)).body
        return await self._medium.compute(self._core.verified, document, nonce, policy)

    async def classify(self, picture: Picture) -> list[Classification]:
        """Classifies one picture."""
        session = await self.session()
        # The error of an enclave that does not serve takes precedence over one of the picture.
        self._core.require_service(session)
        tensor = await self._medium.compute(session.tensor, picture)
        sessions = [session]

        async def attempt() -> list[Classification]:
            return await self._answered(tensor, sessions.pop() if sessions else await self._opened())

        return await self._retrying(attempt)

    async def _retrying(self, work: Callable[[], Coroutine[Any, Any, Value]]) -> Value:
        """Tries again where that is safe."""
        pause = _FIRST_PAUSE
        for left in reversed(range(self._core.maximum_attempts)):
            try:
                return await work()
            except Error as error:
                asked = error.retry_after
                if not error.is_retryable or left == 0 or (asked or 0) > _MAXIMUM_PAUSE:
                    raise
            await self._medium.pause(pause if asked is None else asked)
            pause = min(2 * pause, _MAXIMUM_PAUSE)
        raise AssertionError("no attempt was made")

    async def _answered(self, tensor: Tensor, session: Session) -> list[Classification]:
        # The ciphertexts by key: if a host switches the client from one enclave to another and back, it gets the same bytes
        # again, and no enclave serves the same bytes twice.
        request = await self._sealed(session, tensor)
        sealed = [(session, request)]
        attestations, is_resealed = 0, False
        while True:
            try:
                return await self._sent(request)
            except Unreachable as error:
                if not error.is_stale:
                    raise
                if is_resealed:
                    error.is_retryable = False
                    raise
                # The enclave refuses a message that it has seen.
                is_resealed = True
                request = await self._sealed(session, tensor)
                sealed = [(one, request if one is session else other) for one, other in sealed]
            except Refused as error:
                attestations += 1
                if not error.asks_for_fresh_evidence or attestations > _MAXIMUM_ATTESTATIONS:
                    raise
                fresh = await self._session_after(session)
                # A host that only claims this must not get a second encryption of the same tensor: the same bytes are
                # sent again.
                if fresh.peer.has_same_keys(session.peer):
                    if not error.is_of_unknown_key:
                        raise
                    continue
                session = fresh
                known = [other for one, other in sealed if one.peer.has_same_keys(fresh.peer)]
                request = known[0] if known else await self._sealed(fresh, tensor)
                sealed.append((fresh, request))

    async def _session_after(self, failed: Session) -> Session:
        """A session that another request has opened in the meantime, or a new one; concurrent requests share one
        attestation."""
        async with self._medium.lock:
            session = self._core.session
            if session and not session.peer.has_same_keys(failed.peer):
                return session
            return await self._attest()

    async def _sealed(self, session: Session, tensor: Tensor) -> _library.Request:
        return await self._medium.compute(self._core.seal, session, tensor)

    async def _sent(self, request: _library.Request) -> list[Classification]:
        try:
            answer = await self._posted(request)
        except Refused as error:
            if not is_of_unknown_key(error):
                raise
            # Behind a balancer without affinity, another server may have the key. No enclave serves the same bytes twice.
            answer = await self._posted(request)
        return self._core.classes(request, answer)

    async def _posted(self, request: _library.Request) -> _transport.Answer:
        # The policy may have been withdrawn after the picture was encrypted.
        self._core.present_policy()
        return await self._medium.send(self._core.target, request.message, "message/ohttp-req", _ANSWER_BYTES)
