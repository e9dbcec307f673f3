# SPDX-License-Identifier: Apache-2.0
"""The parts of a client that do not send: token, collateral, policy, and sessions with verified enclaves."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Union

import numpy as np

from . import _library, _transport
from ._attestation import Attestation, read_policy
from ._collateral import read_folder
from ._errors import AttestationRejected, InvalidConfiguration, InvalidInput, InvalidResponse, Refused
from ._pictures import Picture, Preprocessing

Path = Union[str, "os.PathLike[str]"]
Tensor = tuple[int, tuple[int, ...], bytes]


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


def _now() -> float:
    """Seconds, including those in which the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


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
    return read_folder(given)


def _policy(given: Path | bytes) -> bytes:
    """The bytes of a policy that can be used."""
    policy = read_policy(given if isinstance(given, bytes) else os.fspath(given))
    _library.appraise("snp", b"", policy, b"", _library.Sources(0))
    if not policy:
        raise InvalidConfiguration("the policy is empty")
    return policy


class Session:
    """A verified enclave with its claims."""

    def __init__(self, peer: _library.Peer) -> None:
        self.peer = peer
        self.attestation = Attestation(peer.description["verdict"], peer.description)
        self.preprocessing = Preprocessing.from_manifest(peer.description["manifest"]["input"]["preprocessing"])
        self.since = _now()

    @property
    def serves(self) -> bool:
        """Whether its owner has provisioned it and its lease has not ended."""
        return bool(self.peer.description["state"] == "provisioned")

    def split(self, given: Iterable[Picture] | np.ndarray[Any, Any]) -> list[Picture]:
        """The elements of a batch. An array with the size of the model's input holds inputs, which are used unchanged; another
        array of uint8 holds pictures."""
        if not isinstance(given, np.ndarray):
            return list(given)
        if given.ndim == 0:
            raise InvalidInput("an array of one number is no batch", "a batch is [count, height, width, 3], or a list")
        size = (self.preprocessing.height, self.preprocessing.width)
        is_input = given.dtype.kind == "f" or (given.dtype == np.uint8 and given.ndim == 4 and given.shape[1:3] == size)
        return [one[None] if is_input else one for one in given]

    def tensor(self, given: Picture) -> Tensor:
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


class Core:
    """The common part of both kinds of clients."""

    def __init__(
        self, url: str, policy: Path | bytes, token: Path | bytes | None, dangerously_accept_development: bool,
        collateral: Path | Mapping[str, bytes] | None, seen: Mapping[str, Mapping[str, Any]] | None,
        maximum_session_age: float, maximum_attempts: int, dangerously_trust_root: bytes,
    ) -> None:
        self.address = _transport.Address(url)
        self.token = _token(token)
        self.accepts_development = dangerously_accept_development
        self.collateral = _collateral(collateral)
        self.root = dangerously_trust_root
        self.seen: dict[str, dict[str, Any]] = {name: dict(record) for name, record in (seen or {}).items()}
        if not maximum_session_age >= 0 or maximum_attempts < 1:
            raise InvalidConfiguration("maximum_session_age is 0 or more, maximum_attempts 1 or more")
        self.maximum_session_age, self.maximum_attempts = maximum_session_age, maximum_attempts
        self._state = threading.Lock()
        # An unusable policy is an error here, not at the first call.
        self.policy = _policy(policy)
        # Changes with the policy, so that no result of another policy is kept.
        self.generation = 0
        # The reason why nothing may be sent to any server; None if there is none.
        self._withdrawal: str | None = None
        self._session: Session | None = None
        # The last appraisal of the enclave under this policy.
        self.attestation: Attestation | None = None

    def replace_policy(self, policy: Path | bytes) -> None:
        usable = _policy(policy)
        with self._state:
            self.policy, self.generation, self._withdrawal = usable, self.generation + 1, None
            self._session = self.attestation = None

    def withdraw_policy(self, reason: str) -> None:
        if not isinstance(reason, str) or not reason:
            raise InvalidConfiguration("there is no reason", "give the reason of the withdrawal")
        with self._state:
            self.generation, self._withdrawal = self.generation + 1, reason
            self._session = self.attestation = None

    @property
    def session(self) -> Session | None:
        """The session that requests use, if there is one that is young enough."""
        with self._state:
            session = self._session
        return session if session and _now() - session.since < self.maximum_session_age else None

    def present_policy(self) -> tuple[bytes, int]:
        """The policy and its generation. Raises why there is none."""
        with self._state:
            policy, generation, withdrawal = self.policy, self.generation, self._withdrawal
        if withdrawal is not None:
            raise InvalidConfiguration(withdrawal)
        return policy, generation

    def keep(self, session: Session | None, generation: int) -> bool:
        """Keeps the result of an attestation, None for rejected evidence.

        Returns:
            Whether it was appraised by the current policy.
        """
        with self._state:
            if self.generation != generation:
                return False
            # An enclave that does not serve is attested again by the next request.
            self._session = session if session and session.serves else None
            self.attestation = session.attestation if session else None
        if session and not session.serves:
            self.address.change_route()
        return True

    def question(self) -> tuple[bytes, str]:
        nonce = secrets.token_bytes(32)
        return nonce, f"{self.address.base}/.well-known/infenclave/evidence?nonce={nonce.hex()}"

    def verified(self, document: bytes, nonce: bytes, policy: bytes) -> Session:
        sources = _library.Sources(int(time.time()), self.collateral, self.seen, self.root, self.accepts_development)
        try:
            session = Session(_library.Peer.verify(document, nonce, policy, sources))
        except AttestationRejected as error:
            # A revocation stays recorded once it was seen: the records are of lists with verified signatures.
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

    def require_service(self, session: Session) -> None:
        """Raises the error for an enclave that does not serve; nothing is encrypted to it."""
        if not session.serves:
            self.seal(session, (2, (1,), b"\0"))

    def seal(self, session: Session, tensor: Tensor) -> _library.Request:
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


def is_of_unknown_key(error: Exception) -> bool:
    """Whether, by the host's statement, the message was not decrypted for lack of its key."""
    return isinstance(error, Refused) and error.is_of_unknown_key
