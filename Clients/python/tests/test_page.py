# SPDX-License-Identifier: Apache-2.0
"""The programs of the pages, as a user copies them, and the name of the wheel."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from conftest import PACKAGE
from deployment import DEMO


@pytest.mark.parametrize("page", ["Documentation/clients-python.md", "Clients/python/README.md"])
def test_the_program_of_the_page_classifies(page, deployment, server, tmp_path):
    [program, *_] = re.findall(r"^```python\n(.*?)^```$", (PACKAGE / page).read_text(), re.M | re.S)
    assert len([line for line in program.splitlines() if line.strip()]) < 20
    # The parts that a user has to replace: the address, and here the TEE, which protects nothing.
    for page_has, here in {'"https://host:8080"': f'"{server.url}"',
                           'token="client.token"': 'token="client.token", dangerously_accept_development=True'}.items():
        assert program.count(page_has) == 1
        program = program.replace(page_has, here)
    (tmp_path / "program.py").write_text(program)
    for source, name in ((deployment.policy, "policy.json"), (deployment.token, "client.token"), (DEMO / "client/stop.png", "cat.jpg")):
        assert f'"{name}"' in program
        shutil.copy(source, tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-B", "program.py"], cwd=tmp_path, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    probability, name = re.fullmatch(r"([0-9.]+)%  (.+)", lines[0]).groups()
    assert name == "Stop" and float(probability) > 50


def test_the_wheel_has_the_tag_that_auditwheel_finds():
    """scripts/wheel-check names both."""
    wheel, auditwheel = os.environ.get("INFENCLAVE_WHEEL"), os.environ.get("INFENCLAVE_AUDITWHEEL")
    if not wheel or not auditwheel:
        pytest.skip("INFENCLAVE_WHEEL and INFENCLAVE_AUDITWHEEL name no files; `make wheel-check` sets them")
    name = pathlib.Path(wheel).name
    done = subprocess.run([auditwheel, "show", wheel], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    [tag] = re.findall(r'is consistent with the following platform tag: "([^"]+)"', said)
    assert re.fullmatch(r"manylinux_[0-9]+_[0-9]+_x86_64", tag)
    # A wheel may have older names of the tag beside it.
    assert tag in name.removesuffix(".whl").split("-")[-1].split(".")
    assert name.startswith("infenclave-") and "-py3-none-" in name
