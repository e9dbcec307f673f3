# SPDX-License-Identifier: Apache-2.0
"""The errors of this package, by who has to act."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._attestation import Attestation


class Error(Exception):
    """Every error of this package.

    Attributes:
        code: The name of the code in the Swift library, such as ``attestationRejected``.
        message: What happened.
        remedy: What a person can do; may be empty.
        refusal: The code of a refusal by server or enclave, such as ``notProvisioned``; else None.
        is_retryable: Whether the same request may succeed later: no input was processed, or the request changes
            nothing.
        retry_after: Seconds after which the server suggests another attempt; else None.
    """

    code = "error"

    def __init__(
        self, message: str, remedy: str = "", refusal: str | None = None, *, is_retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.refusal = refusal
        self.is_retryable = is_retryable
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


class Unreachable(Error):
    """There is no connection, or it broke, or a proxy in front of the server cannot reach it."""

    code = "unreachable"
    # Whether a kept connection broke before any part of an answer arrived.
    is_stale = False


class TimedOut(Unreachable):
    """No answer in time."""

    code = "timedOut"


class InvalidResponse(Error):
    """The server's answer violates its protocol."""

    code = "invalidResponse"


class Refused(Error):
    """The server or the enclave refused; ``refusal`` is the code."""

    code = "refused"

    @property
    def asks_for_fresh_evidence(self) -> bool:
        """Whether fresh evidence may help: the enclave was restarted, has new keys, or a new lease."""
        return self.refusal in ("unknownKey", "undecipherable", "wrongEpoch", "leaseEnded", "notProvisioned")

    @property
    def is_of_unknown_key(self) -> bool:
        """Whether, by the host's statement, the message was not decrypted for lack of its key."""
        return self.refusal in ("unknownKey", "undecipherable")


class AttestationRejected(Error):
    """The evidence, or the data that it binds, was rejected; ``attestation`` lists the checks."""

    code = "attestationRejected"

    def __init__(self, message: str, remedy: str, attestation: Attestation) -> None:
        super().__init__(message, remedy)
        self.attestation = attestation


class InvalidInput(Error):
    """The model does not accept the input."""

    code = "invalidInput"


class UnknownToken(Error):
    """The owner did not list this access token."""

    code = "unknownToken"


class InvalidConfiguration(Error):
    """An address, a policy, a token or a file cannot be used."""

    code = "invalidConfiguration"


_KINDS = {kind.code: kind for kind in (InvalidResponse, Refused, InvalidInput, UnknownToken, InvalidConfiguration)}


def from_failure(failure: dict[str, Any]) -> Error:
    """The error for a failure of the C interface."""
    from ._attestation import Attestation

    if failure["verdict"] is not None:
        return AttestationRejected(failure["message"], failure["remedy"], Attestation(failure["verdict"]))
    return _KINDS.get(failure["code"], InvalidResponse)(
        failure["message"], failure["remedy"], failure["refusal"], is_retryable=failure["refusal"] == "tooManyRequests")
