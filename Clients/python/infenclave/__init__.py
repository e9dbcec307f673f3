# SPDX-License-Identifier: Apache-2.0
"""Classify pictures in a verified enclave; the host sees only ciphertext.

>>> from infenclave import Client
>>> client = Client("https://host:8080", "policy.json", token="client.token")   # doctest: +SKIP
>>> client.classify("cat.jpg")[0].name                                           # doctest: +SKIP
'tabby cat'

The Swift library verifies, encrypts and decrypts, behind a C interface; HTTP and pictures are handled in Python.
"""

from ._assess import Assessment, Cut, assess
from ._attestation import Attestation, Check, appraise
from ._client import AsyncClient, Client
from ._core import Classification
from ._errors import (
    AttestationRejected,
    Error,
    InvalidConfiguration,
    InvalidInput,
    InvalidResponse,
    Refused,
    TimedOut,
    UnknownToken,
    Unreachable,
)
from ._pictures import Preprocessing

__all__ = [
    "Assessment", "AsyncClient", "Attestation", "AttestationRejected", "Check", "Classification", "Client", "Cut", "Error",
    "InvalidConfiguration", "InvalidInput", "InvalidResponse", "Preprocessing", "Refused", "TimedOut", "UnknownToken",
    "Unreachable", "appraise", "assess",
]
