# SPDX-License-Identifier: Apache-2.0
"""The example notebook, headless."""

import os

import pytest
from conftest import PACKAGE

FOLDER = PACKAGE / "Examples/notebook"


def test_the_notebook_runs(deployment, server, monkeypatch):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    for name, value in {"SERVER": server.url, "POLICY": deployment.policy, "TOKEN": deployment.token, "TRIAL": "1"}.items():
        monkeypatch.setitem(os.environ, f"INFENCLAVE_{name}", str(value))
    notebook = nbformat.read(FOLDER / "classify.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "commit the notebook without its outputs"
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(FOLDER)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pages = [output["data"]["text/html"] for output in outputs if "text/html" in output.get("data", {})]
    assert any("report-data" in page for page in pages)
    assert any("image/png" in output.get("data", {}) for output in outputs)
    said = "".join(output.get("text", "") + str(output.get("data", {}).get("text/plain", "")) for output in outputs)
    assert "Stop" in said and "Pedestrian crossing" in said
