# SPDX-License-Identifier: Apache-2.0
"""Why there is no answer, sorted by who has to act."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._attestation import Attestation


class Error(Exception):
    """Every error of this package.

    Attributes:
        code: The name of the code in the Swift library, such as ``attestationRejected``.
        message: What happened.
        remedy: What a person can do about it; may be empty.
        refusal: The server's or the enclave's word for a refusal, such as ``notProvisioned``; else None.
        is_retryable: Whether the same may succeed in a moment: no input was taken in, or the request changes nothing.
        retry_after: Seconds after which the server says that it is worth another try; else None.
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
    """No connection, or it broke, or what is in front of the server has none to lead to."""

    code = "unreachable"
    # Whether a kept connection broke before any answer came.
    is_stale = False


class TimedOut(Unreachable):
    """No answer in time."""

    code = "timedOut"


class InvalidResponse(Error):
    """The server answered with something else than its protocol allows."""

    code = "invalidResponse"


class Refused(Error):
    """The server or the enclave refused; ``refusal`` is its word."""

    code = "refused"

    @property
    def asks_for_fresh_evidence(self) -> bool:
        """Whether fresh evidence may help: the enclave was restarted, has new keys, or a new lease."""
        return self.refusal in ("unknownKey", "undecipherable", "wrongEpoch", "leaseEnded", "notProvisioned")

    @property
    def is_of_unknown_key(self) -> bool:
        """Whether whoever refused has not opened the message for want of its key, by the host's word."""
        return self.refusal in ("unknownKey", "undecipherable")


class AttestationRejected(Error):
    """The evidence, or what it is bound to, was rejected; ``attestation`` lists the checks."""

    code = "attestationRejected"

    def __init__(self, message: str, remedy: str, attestation: Attestation) -> None:
        super().__init__(message, remedy)
        self.attestation = attestation


class InvalidInput(Error):
    """The input is not what the model takes."""

    code = "invalidInput"


class UnknownToken(Error):
    """The owner did not list this access token."""

    code = "unknownToken"


class InvalidConfiguration(Error):
    """An address, a policy, a token or a file is not usable."""

    code = "invalidConfiguration"


_KINDS = {kind.code: kind for kind in (InvalidResponse, Refused, InvalidInput, UnknownToken, InvalidConfiguration)}


def from_failure(failure: dict[str, Any]) -> Error:
    """The error that a failure of the C interface says."""
    from ._attestation import Attestation

    if failure["verdict"] is not None:
        return AttestationRejected(failure["message"], failure["remedy"], Attestation(failure["verdict"]))
    return _KINDS.get(failure["code"], InvalidResponse)(
        failure["message"], failure["remedy"], failure["refusal"], is_retryable=failure["refusal"] == "tooManyRequests")
