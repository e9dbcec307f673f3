"""Clients of a model in a verified enclave."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import pathlib
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Union

import numpy as np
from PIL import Image

from . import _library, _transport
from ._attestation import Attestation, read_policy
from ._errors import AttestationRejected, InvalidConfiguration, InvalidInput, InvalidResponse, Refused
from ._pictures import Picture, Preprocessing

_EVIDENCE_BYTES, _ANSWER_BYTES = 8 << 20, 4 << 20
_ROLES = {
    "tcb_info", "tcb_info_issuer_chain", "qe_identity", "qe_identity_issuer_chain", "pck_crl", "root_ca_crl",
    "pck_cert_chain", "vcek", "vlek", "intermediate", "crl", "auxblob",
}
Path = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True)
class Classification:
    """One class of an answer.

    Attributes:
        index: Position in the model's output.
        name: The owner's name of it.
        probability: 0 to 1.
    """

    index: int
    name: str
    probability: float


def _token(token: Path | bytes | None) -> _library.Token:
    if isinstance(token, bytes):
        return _library.Token.copy(token)
    path = os.fspath(token) if token is not None else os.environ.get("INFENCLAVE_TOKEN")
    if not path:
        raise InvalidConfiguration(
            "there is no access token", "pass token=FILE, or name the file in the variable INFENCLAVE_TOKEN")
    return _library.Token.read(path)


def _collateral(given: Path | Mapping[str, bytes] | None) -> Mapping[str, bytes]:
    if given is None or isinstance(given, Mapping):
        return given or {}
    folder = pathlib.Path(given)
    if not folder.is_dir():
        raise InvalidConfiguration(f"{folder} is no folder", "name the folder that has the collateral")
    files = [file for file in folder.iterdir() if file.stem in _ROLES and file.suffix in (".json", ".pem", ".der", ".bin")]
    if len({file.stem for file in files}) < len(files):
        raise InvalidConfiguration(f"{folder} has a file of collateral in two forms", "keep one")
    return {file.stem: file.read_bytes() for file in files}


class _Session:
    """A verified enclave and what is known of it."""

    def __init__(self, peer: _library.Peer) -> None:
        self.peer = peer
        self.attestation = Attestation(peer.description["verdict"], peer.description)
        self.preprocessing = Preprocessing.from_manifest(peer.description["manifest"]["input"]["preprocessing"])

    def tensor(self, given: Picture) -> tuple[int, tuple[int, ...], bytes]:
        """Code of the element type, shape and elements."""
        if isinstance(given, np.ndarray) and given.ndim == 4 and given.dtype == np.uint8:
            array: Any = given
        elif isinstance(given, np.ndarray) and given.dtype.kind == "f":
            if not np.isfinite(given).all():
                raise InvalidInput("the input has numbers that are not finite")
            array = given.astype("<f4")
        else:
            array = self.preprocessing.pixels(given)
        return (2 if array.dtype == np.uint8 else 1), array.shape, np.ascontiguousarray(array).tobytes()


class _Core:
    """What both kinds of clients share: all but the sending."""

    def __init__(
        self, url: str, policy: Path | bytes, token: Path | bytes | None, dangerously_accept_development: bool,
        collateral: Path | Mapping[str, bytes] | None, seen: Mapping[str, Mapping[str, Any]] | None,
        dangerously_trust_root: bytes,
    ) -> None:
        self.address = _transport.Address(url)
        self.policy = read_policy(policy if isinstance(policy, bytes) else os.fspath(policy))
        self.token = _token(token)
        self.accepts_development = dangerously_accept_development
        self.collateral = _collateral(collateral)
        self.root = dangerously_trust_root
        self.seen: dict[str, dict[str, Any]] = {name: dict(record) for name, record in (seen or {}).items()}
        # A policy that cannot be used is an error here, and not of the first call.
        _library.appraise("snp", b"", self.policy, b"", _library.Sources(0))
        if not self.policy:
            raise InvalidConfiguration("the policy is empty")

    def question(self) -> tuple[bytes, str]:
        nonce = secrets.token_bytes(32)
        return nonce, f"{self.address.base}/.well-known/infenclave/evidence?nonce={nonce.hex()}"

    def verified(self, document: bytes, nonce: bytes) -> _Session:
        sources = _library.Sources(int(time.time()), self.collateral, self.seen, self.root, self.accepts_development)
        try:
            session = _Session(_library.Peer.verify(document, nonce, self.policy, sources))
        except AttestationRejected as error:
            # A revocation that was seen once stays seen: the records are of lists whose signatures were verified.
            self._remember(error.attestation)
            raise
        self._remember(session.attestation)
        return session

    def _remember(self, attestation: Attestation) -> None:
        for name, record in attestation.collateral.items():
            old = self.seen.get(name, record)
            numbers = [one["evaluationDataNumber"] for one in (old, record) if one.get("evaluationDataNumber") is not None]
            self.seen[name] = {
                "date": max(old["date"], record["date"]), "evaluationDataNumber": max(numbers, default=None)}

    def seal(self, session: _Session, tensor: tuple[int, tuple[int, ...], bytes]) -> _library.Request:
        element, shape, elements = tensor
        return session.peer.seal(self.token, self.address.authority, element, shape, elements)

    @property
    def target(self) -> str:
        return f"{self.address.base}/ohttp"

    @staticmethod
    def classes(request: _library.Request, answer: _transport.Answer) -> list[Classification]:
        if answer.content_type != "message/ohttp-res":
            raise InvalidResponse(f"the answer has the content type '{answer.content_type[:80]}'")
        return [Classification(one["index"], one["name"], one["probability"]) for one in request.open(answer.body)]


_ARGUMENTS = """
    Args:
        url: ``https://HOST:PORT``, with ``/models/NAME`` behind it where the server has several.
        policy: The owner's policy, a file or its bytes.
        token: The access token, a file or 32 bytes; without it the file that the variable ``INFENCLAVE_TOKEN`` names.
        dangerously_accept_development: Accept evidence of the development TEE, which protects nothing from whoever owns the
            server's machine. The policy has to name it too.
        collateral: The vendor's files, a folder or bytes by role. SGX and TDX need them.
        timeout: Seconds that the server may be silent.
        seen: ``collateral_seen`` of an earlier client: older collateral is refused.
        dangerously_trust_root: A root in the place of the vendor's, for tests; every verdict warns of it.

    Raises:
        InvalidConfiguration: One of them cannot be used.
"""


class Client:
    __doc__ = f"""Classifies pictures in an enclave that a policy describes. It may be used from several threads.

    >>> client = Client("https://host:8080", "policy.json", token="client.token")   # doctest: +SKIP
    >>> [best, *others] = client.classify("cat.jpg")                                 # doctest: +SKIP
{_ARGUMENTS}
        http: A ``requests.Session`` or ``httpx.Client`` of the caller's; without it urllib.
    """

    def __init__(
        self, url: str, policy: Path | bytes, token: Path | bytes | None = None, *,
        dangerously_accept_development: bool = False, collateral: Path | Mapping[str, bytes] | None = None,
        http: Any = None, timeout: float = 120.0, seen: Mapping[str, Mapping[str, Any]] | None = None,
        dangerously_trust_root: bytes = b"",
    ) -> None:
        self._core = _Core(
            url, policy, token, dangerously_accept_development, collateral, seen, dangerously_trust_root)
        self._transport = _transport.transport(self._core.address, http, timeout)
        self._session: _Session | None = None
        self._lock = threading.Lock()

    def attest(self) -> Attestation:
        """Fetches evidence over a fresh nonce and appraises it.

        Raises:
            AttestationRejected: With every check.
            Unreachable, InvalidResponse, Refused: No evidence came.
        """
        with self._lock:
            return self._attest().attestation

    def _attest(self) -> _Session:
        nonce, url = self._core.question()
        document = self._transport.send(url, None, None, _EVIDENCE_BYTES).body
        self._session = self._core.verified(document, nonce)
        return self._session

    def _current(self) -> _Session:
        with self._lock:
            return self._session or self._attest()

    @property
    def attestation(self) -> Attestation:
        """How the enclave was judged; attests where that was not done yet. A notebook shows it as a table."""
        return self._current().attestation

    @property
    def collateral_seen(self) -> Mapping[str, Mapping[str, Any]]:
        """How new the verified collateral was. Keep it, and pass it as ``seen``."""
        return self._core.seen

    def preprocess(self, picture: Picture) -> Image.Image:
        """The picture as the enclave gets it."""
        return self._current().preprocessing.fitted(picture)

    def classify(self, picture: Picture) -> list[Classification]:
        """Classifies one picture. Where the enclave has new keys, it is attested again and the picture sealed anew.

        Args:
            picture: A JPEG, PNG or WebP file by its path, its bytes or as a file; a ``PIL.Image``; an array of uint8 ``[height,
                width, 3]`` or ``[height, width]``, which is resized; uint8 ``[1, height, width, channels]`` as the model takes
                it; or, if the owner allows it, the normalised float32 ``[1, channels, height, width]``.

        Returns:
            As many classes as the owner allows, the most probable first.

        Raises:
            AttestationRejected, Refused, UnknownToken, InvalidInput, InvalidResponse, Unreachable.
        """
        session = self._current()
        tensor = session.tensor(picture)
        try:
            return self._send(session, tensor)
        except Refused as error:
            if not error.asks_for_fresh_evidence:
                self._forget(error, session)
                raise
            fresh = self._renewed(session)
            # The host's word alone moves nothing: it has to show other keys, attested.
            if fresh.peer.has_same_keys(session.peer):
                raise
            return self._send(fresh, tensor)

    def _send(self, session: _Session, tensor: tuple[int, tuple[int, ...], bytes]) -> list[Classification]:
        request = self._core.seal(session, tensor)
        try:
            answer = self._transport.send(self._core.target, request.message, "message/ohttp-req", _ANSWER_BYTES)
        except Refused as error:
            if not error.is_of_unknown_key:
                raise
            # Behind a balancer that leads requests anywhere another server may know the key. No enclave serves the same bytes
            # twice.
            answer = self._transport.send(self._core.target, request.message, "message/ohttp-req", _ANSWER_BYTES)
        return self._core.classes(request, answer)

    def _renewed(self, old: _Session) -> _Session:
        """A newer session; several threads that need one attest once."""
        with self._lock:
            if self._session is not None and self._session is not old:
                return self._session
            return self._attest()

    def _forget(self, error: Refused, session: _Session) -> None:
        """The next call asks the enclave what it is by then."""
        if error.refusal in ("leaseEnded", "notProvisioned"):
            with self._lock:
                if self._session is session:
                    self._session = None

    def classify_batch(
        self, pictures: Iterable[Picture] | np.ndarray[Any, Any], *, maximum_in_flight: int = 4
    ) -> list[list[Classification]]:
        """Classifies pictures, several at a time; the first error ends it.

        Args:
            pictures: As for ``classify``; an array holds one picture or tensor for each first index.
            maximum_in_flight: Requests at a time.

        Returns:
            The answers in the order of the pictures.
        """
        self._current()
        if isinstance(pictures, np.ndarray) and pictures.dtype.kind == "f":
            pictures = [picture[None] for picture in pictures]
        with concurrent.futures.ThreadPoolExecutor(maximum_in_flight) as pool:
            futures = [pool.submit(self.classify, picture) for picture in pictures]
            try:
                return [future.result() for future in futures]
            except BaseException:
                for future in futures:
                    future.cancel()
                raise


class AsyncClient:
    __doc__ = f"""As ``Client``, for asyncio.

    >>> client = AsyncClient("https://host:8080", "policy.json", token="client.token")   # doctest: +SKIP
    >>> best = (await client.classify("cat.jpg"))[0]                                      # doctest: +SKIP
{_ARGUMENTS}
        http: An ``httpx.AsyncClient`` of the caller's; without it urllib in threads.
    """

    def __init__(
        self, url: str, policy: Path | bytes, token: Path | bytes | None = None, *,
        dangerously_accept_development: bool = False, collateral: Path | Mapping[str, bytes] | None = None,
        http: Any = None, timeout: float = 120.0, seen: Mapping[str, Mapping[str, Any]] | None = None,
        dangerously_trust_root: bytes = b"",
    ) -> None:
        self._core = _Core(
            url, policy, token, dangerously_accept_development, collateral, seen, dangerously_trust_root)
        if http is not None and type(http).__name__ != "AsyncClient":
            raise InvalidConfiguration(f"{type(http).__name__} is not asynchronous", "pass an httpx.AsyncClient")
        self._asynchronous = _transport.AsyncHTTPXTransport(self._core.address, http, timeout) if http is not None else None
        self._blocking = _transport.UrllibTransport(self._core.address, timeout)
        self._session: _Session | None = None
        self._lock = asyncio.Lock()

    async def _sent(self, url: str, body: bytes | None, content_type: str | None, limit: int) -> _transport.Answer:
        if self._asynchronous is not None:
            return await self._asynchronous.send(url, body, content_type, limit)
        return await asyncio.to_thread(self._blocking.send, url, body, content_type, limit)

    async def attest(self) -> Attestation:
        """As ``Client.attest``."""
        async with self._lock:
            return (await self._attest()).attestation

    async def _attest(self) -> _Session:
        nonce, url = self._core.question()
        document = (await self._sent(url, None, None, _EVIDENCE_BYTES)).body
        self._session = await asyncio.to_thread(self._core.verified, document, nonce)
        return self._session

    async def _current(self) -> _Session:
        async with self._lock:
            return self._session or await self._attest()

    @property
    def attestation(self) -> Attestation | None:
        """How the enclave was judged last; None before ``attest`` or ``classify``."""
        return self._session.attestation if self._session else None

    @property
    def collateral_seen(self) -> Mapping[str, Mapping[str, Any]]:
        """As ``Client.collateral_seen``."""
        return self._core.seen

    async def classify(self, picture: Picture) -> list[Classification]:
        """As ``Client.classify``."""
        session = await self._current()
        tensor = await asyncio.to_thread(session.tensor, picture)
        try:
            return await self._send(session, tensor)
        except Refused as error:
            if not error.asks_for_fresh_evidence:
                if error.refusal in ("leaseEnded", "notProvisioned") and self._session is session:
                    self._session = None
                raise
            async with self._lock:
                fresh = self._session if self._session not in (None, session) else await self._attest()
            if fresh is None or fresh.peer.has_same_keys(session.peer):
                raise
            return await self._send(fresh, tensor)

    async def _send(self, session: _Session, tensor: tuple[int, tuple[int, ...], bytes]) -> list[Classification]:
        request = await asyncio.to_thread(self._core.seal, session, tensor)
        try:
            answer = await self._sent(self._core.target, request.message, "message/ohttp-req", _ANSWER_BYTES)
        except Refused as error:
            if not error.is_of_unknown_key:
                raise
            answer = await self._sent(self._core.target, request.message, "message/ohttp-req", _ANSWER_BYTES)
        return self._core.classes(request, answer)

    async def classify_batch(
        self, pictures: Iterable[Picture], *, maximum_in_flight: int = 4
    ) -> list[list[Classification]]:
        """As ``Client.classify_batch``; cancelling it cancels what has not been sent."""
        await self._current()
        gate = asyncio.Semaphore(maximum_in_flight)

        async def one(picture: Picture) -> list[Classification]:
            async with gate:
                return await self.classify(picture)

        tasks = [asyncio.create_task(one(picture)) for picture in pictures]
        try:
            return list(await asyncio.gather(*tasks))
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
