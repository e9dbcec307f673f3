# SPDX-License-Identifier: Apache-2.0
"""Collateral as files that are named by role, as `CollateralFolder` of the Swift library reads them."""

from __future__ import annotations

import os
import pathlib
import stat
from collections.abc import Iterator

from ._errors import InvalidConfiguration

# The maximum size of a collateral file.
MAXIMUM_BYTES = 4 << 20
_LISTS, _CERTIFICATES = (".der", ".pem", ".crl", ".hex", ".txt"), (".der", ".pem", ".crt", ".cer", ".json")
_CHAINS = (".pem", ".txt")
# For each role, the possible extensions of its file, beside none. They are those of `CollateralRole` in the Swift
# library.
ENDINGS = {
    "tcb_info": (".json",), "tcb_info_issuer_chain": _CHAINS, "qe_identity": (".json",), "qe_identity_issuer_chain": _CHAINS,
    "pck_crl": _LISTS, "root_ca_crl": _LISTS, "pck_cert_chain": _CHAINS, "event_log": (".bin",),
    "vcek": _CERTIFICATES, "vlek": _CERTIFICATES, "intermediate": _CERTIFICATES, "crl": _LISTS, "auxblob": (".bin",),
}


def file_names(role: str) -> Iterator[str]:
    """The names that a file of the role may have."""
    for name in (role, "cert_chain") if role == "intermediate" else (role,):
        for ending in (*ENDINGS[role], ""):
            yield name + ending


def read_folder(path: str | os.PathLike[str]) -> dict[str, bytes]:
    """The existing files by role. A check whose file is missing fails. Files with other names are ignored.

    Raises:
        InvalidConfiguration: The folder is missing, a file cannot be read or is too large, or a role has two files.
    """
    folder = pathlib.Path(path)
    if not folder.is_dir():
        raise InvalidConfiguration(f"{folder} is not a folder", "name the folder that has the collateral")
    collateral: dict[str, bytes] = {}
    for role in ENDINGS:
        for name in file_names(role):
            data = _contents(folder / name)
            if data is None:
                continue
            if role in collateral:
                raise InvalidConfiguration(f"{folder} has {role} in two forms", "keep one")
            collateral[role] = data
    return collateral


def _contents(file: pathlib.Path) -> bytes | None:
    """None if the file does not exist."""
    try:
        mode = file.stat().st_mode
        if stat.S_ISDIR(mode):
            return None
        # Opening a pipe would block until another process opens it for writing.
        if stat.S_ISREG(mode):
            with file.open("rb") as opened:
                data = opened.read(MAXIMUM_BYTES + 1)
            if len(data) <= MAXIMUM_BYTES:
                return data
    except FileNotFoundError:
        return None
    except OSError:
        pass
    raise InvalidConfiguration(f"{file} cannot be read or is larger than {MAXIMUM_BYTES} bytes")
