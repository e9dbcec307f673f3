# SPDX-License-Identifier: Apache-2.0
"""The C interface (Sources/Verifier/CInfenclave/include/infenclave.h) by ctypes."""

from __future__ import annotations

import ctypes
import json
import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from ._errors import Error, from_failure

ABI_VERSION = 1
OK, FAILED = 0, 1


class _Bytes(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_char_p), ("count", ctypes.c_size_t)]


class _Buffer(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_void_p), ("count", ctypes.c_size_t)]


class _Collateral(ctypes.Structure):
    _fields_ = [("role", ctypes.c_char_p), ("bytes", _Bytes)]


class _Seen(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("date", ctypes.c_int64), ("evaluation_data_number", ctypes.c_int64)]


class _Sources(ctypes.Structure):
    _fields_ = [
        ("time", ctypes.c_int64),
        ("collateral", ctypes.POINTER(_Collateral)), ("collateral_count", ctypes.c_size_t),
        ("seen", ctypes.POINTER(_Seen)), ("seen_count", ctypes.c_size_t),
        ("dangerous_root", _Bytes),
        ("dangerously_accepts_development", ctypes.c_int32),
    ]


class Sources(NamedTuple):
    """The inputs of a verification."""

    time: int
    collateral: Mapping[str, bytes] = {}
    seen: Mapping[str, Mapping[str, Any]] = {}
    dangerous_root: bytes = b""
    accepts_development: bool = False

    def structure(self) -> _Sources:
        """Points to the values here, which have to live as long as it."""
        collateral = (_Collateral * len(self.collateral))(
            *(_Collateral(role.encode(), given(data)) for role, data in self.collateral.items()))
        seen = (_Seen * len(self.seen))(
            *(_Seen(name.encode(), record["date"], -1 if record.get("evaluationDataNumber") is None
                    else record["evaluationDataNumber"]) for name, record in self.seen.items()))
        return _Sources(
            self.time, collateral, len(collateral), seen, len(seen), given(self.dangerous_root),
            1 if self.accepts_development else 0)


def given(data: bytes) -> _Bytes:
    return _Bytes(data, len(data))


def _load() -> ctypes.CDLL:
    path = pathlib.Path(__file__).with_name("libInfenclaveC.so")
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ImportError(f"{path.name} cannot be loaded: {error}; build the wheel with `make wheel`") from None
    library.infenclave_abi_version.restype = ctypes.c_uint32
    found = library.infenclave_abi_version()
    if found != ABI_VERSION:
        raise ImportError(f"{path.name} has version {found} of its interface, expected {ABI_VERSION}")
    buffer, pointer, text, size = ctypes.POINTER(_Buffer), ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
    out, sources = ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(_Sources)
    for name, arguments in {
        "infenclave_appraise": [text, _Bytes, _Bytes, _Bytes, sources, buffer, buffer],
        "infenclave_verify": [_Bytes, _Bytes, _Bytes, sources, out, buffer, buffer],
        "infenclave_peer_has_same_keys": [pointer, pointer],
        "infenclave_token_read": [text, out, buffer],
        "infenclave_token_copy": [_Bytes, out, buffer],
        "infenclave_seal": [pointer, pointer, text, ctypes.c_uint8, ctypes.POINTER(ctypes.c_uint32), size, _Bytes, out,
                            buffer, buffer],
        "infenclave_open": [pointer, _Bytes, buffer, buffer],
    }.items():
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, ctypes.c_int32
    for name, kind in (("buffer", buffer), ("peer", pointer), ("token", pointer), ("request", pointer)):
        function = getattr(library, f"infenclave_{name}_free")
        function.argtypes, function.restype = [kind], None
    return library


_library = _load()


def _taken(buffer: _Buffer) -> bytes:
    data = ctypes.string_at(buffer.bytes, buffer.count) if buffer.count else b""
    _library.infenclave_buffer_free(ctypes.byref(buffer))
    return data


def _call(name: str, *arguments: Any) -> None:
    """Raises the error of the function."""
    failure = _Buffer()
    status = getattr(_library, name)(*arguments, ctypes.byref(failure))
    if status == FAILED:
        raise from_failure(json.loads(_taken(failure)))
    if status != OK:
        raise Error(f"{name} was called with a NULL pointer: a defect of this package")


class _Object:
    """An object behind a pointer, which is freed with the last reference to this one."""

    _free = ""

    def __init__(self, pointer: ctypes.c_void_p) -> None:
        self._pointer = pointer

    def __del__(self) -> None:
        if getattr(self, "_pointer", None) and _library is not None:
            getattr(_library, self._free)(self._pointer)


class Token(_Object):
    """An access token, in locked memory that is wiped."""

    _free = "infenclave_token_free"

    @staticmethod
    def read(path: str) -> Token:
        pointer = ctypes.c_void_p()
        _call("infenclave_token_read", path.encode(), ctypes.byref(pointer))
        return Token(pointer)

    @staticmethod
    def copy(data: bytes) -> Token:
        pointer = ctypes.c_void_p()
        _call("infenclave_token_copy", given(data), ctypes.byref(pointer))
        return Token(pointer)


class Request(_Object):
    """An encrypted request, which decrypts the one answer to it."""

    _free = "infenclave_request_free"
    message: bytes

    def open(self, answer: bytes) -> list[dict[str, Any]]:
        classes = _Buffer()
        _call("infenclave_open", self._pointer, given(answer), ctypes.byref(classes))
        entries: list[dict[str, Any]] = json.loads(_taken(classes))
        return entries


class Peer(_Object):
    """A verified enclave. Only `verify` makes one."""

    _free = "infenclave_peer_free"
    description: dict[str, Any]

    @staticmethod
    def verify(document: bytes, nonce: bytes, policy: bytes, sources: Sources) -> Peer:
        pointer, description = ctypes.c_void_p(), _Buffer()
        _call("infenclave_verify", given(document), given(nonce), given(policy), ctypes.byref(sources.structure()),
              ctypes.byref(pointer), ctypes.byref(description))
        peer = Peer(pointer)
        peer.description = json.loads(_taken(description))
        return peer

    def has_same_keys(self, other: Peer) -> bool:
        return bool(_library.infenclave_peer_has_same_keys(self._pointer, other._pointer) == 1)

    def seal(self, token: Token, authority: str, element: int, shape: tuple[int, ...], elements: bytes) -> Request:
        pointer, message = ctypes.c_void_p(), _Buffer()
        extents = (ctypes.c_uint32 * len(shape))(*shape)
        _call("infenclave_seal", self._pointer, token._pointer, authority.encode(), element, extents, len(shape),
              given(elements), ctypes.byref(pointer), ctypes.byref(message))
        request = Request(pointer)
        request.message = _taken(message)
        return request


def appraise(tee: str, evidence: bytes, policy: bytes, report_data: bytes, sources: Sources) -> dict[str, Any]:
    """The verdict on saved evidence, as JSON has it."""
    verdict = _Buffer()
    _call("infenclave_appraise", tee.encode(), given(evidence), given(policy), given(report_data),
          ctypes.byref(sources.structure()), ctypes.byref(verdict))
    members: dict[str, Any] = json.loads(_taken(verdict))
    return members
