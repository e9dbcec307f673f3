# SPDX-License-Identifier: Apache-2.0
"""A real server of the demo's model with the development TEE, for all tests. INFENCLAVE_PROGRAM names `infenclave`."""

import json
import os
import pathlib
import sys

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(PACKAGE / "Clients/testing"))

from deployment import Deployment  # noqa: E402

SHARED = pathlib.Path(os.environ.get("INFENCLAVE_SHARED") or PACKAGE.parent / "shared")
PROGRAM = os.environ.get("INFENCLAVE_PROGRAM", "")


def shared(path):
    """An existing path below SHARED. Without it the test is skipped, or fails if INFENCLAVE_SHARED_REQUIRED is set."""
    if not path.exists():
        if os.environ.get("INFENCLAVE_SHARED_REQUIRED"):
            pytest.fail(f"INFENCLAVE_SHARED_REQUIRED is set, and {path} is missing")
        pytest.skip(f"there is no {path}; INFENCLAVE_SHARED names the folder")
    return path


@pytest.fixture(scope="session")
def program():
    if not PROGRAM:
        pytest.skip("INFENCLAVE_PROGRAM names no `infenclave`")
    return PROGRAM


@pytest.fixture(scope="session")
def deployment(program, tmp_path_factory):
    return Deployment(program, tmp_path_factory.mktemp("deployment"))


@pytest.fixture(scope="session")
def server(deployment):
    with deployment.serve() as server:
        server.provision()
        yield server


@pytest.fixture(scope="session")
def appraisals():
    """The file that Tests/AttestationTests wrote, named by INFENCLAVE_APPRAISALS."""
    path = os.environ.get("INFENCLAVE_APPRAISALS")
    if not path:
        pytest.skip("INFENCLAVE_APPRAISALS names no file; `make wheel-check` writes it")
    return json.loads(pathlib.Path(path).read_bytes())
