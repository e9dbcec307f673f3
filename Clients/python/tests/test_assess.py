# SPDX-License-Identifier: Apache-2.0
"""The assessment, by the command line."""

import xml.etree.ElementTree

import numpy as np
import pytest
from deployment import DEMO
from PIL import Image

import infenclave
from infenclave._figure import figure

QUICK = {"limit": 24, "trained": "none", "bound_pictures": 0, "white_box": 0, "kl_images": 4, "cut": ["stage2.pool", "stage3.pool"]}


@pytest.fixture(scope="module")
def assessment(program, tmp_path_factory):
    return infenclave.assess(
        DEMO / "classifier.onnx", DEMO / "pictures", program=program, out=tmp_path_factory.mktemp("assess"), **QUICK)


def test_the_table_has_a_row_for_each_cut(assessment):
    assert [row["name"] for row in assessment.table] == ["stage2.pool", "stage3.pool"]
    first = assessment.table[0]
    assert first["boundaryBytes"] == 24 * 8 * 8 * 4 and 0 < first["r2"] < 1
    assert assessment.plan["front"] and assessment.recommendation and assessment.warnings
    assert assessment.report.read_bytes().startswith(b"<!")
    page = assessment._repr_html_()
    assert "stage2.pool" in page and "<script" not in page


def test_the_table_says_what_is_estimated_of_each_asset(assessment):
    for row, cut in zip(assessment.table, assessment.cuts):
        assert row["outcome"] == cut.members["gates"]["outcome"] and row["outcome"] in ("passes", "fails", "undecided")
        for asset in ("appearance", "identity", "class"):
            assert row[asset] == cut.members["assets"][asset]["estimate"] and 0 <= row[asset] <= 1
            assert cut.asset(asset)["lower"] <= cut.asset(asset)["upper"]
    assert assessment.cuts[0].asset("colour") == {}
    found = [row for row in assessment.estimates if (row["cut"], row["attack"], row["metric"]) == ("stage2.pool", "decoders", "rSquared")]
    assert len(found) == 1 and found[0]["lower"] <= found[0]["value"] <= found[0]["upper"]
    assert found[0]["value"] == pytest.approx(assessment.table[0]["r2"])
    count = sum(len(metrics) for cut in assessment.cuts for metrics in cut.members["estimates"].values())
    assert len(assessment.estimates) == count > 10


def test_a_notebook_shows_a_figure_by_depth(assessment):
    drawing = assessment.figure()
    assert drawing in assessment._repr_html_()
    root = xml.etree.ElementTree.fromstring(drawing)
    titles = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    # A mark for each cut and asset, and the three of the legend.
    assert len(titles) == 2 * 3 + 3
    first = assessment.cuts[0].asset("appearance")
    assert f"stage2.pool: appearance, R² {first['estimate']:.2f}, {first['lower']:.2f} to {first['upper']:.2f}, {first['outcome']}" in titles
    [height] = {mark.get("cy") for mark in root.iter("{http://www.w3.org/2000/svg}circle")
                if "stage2.pool" in mark[0].text}
    assert float(height) == pytest.approx(30 + 174 * (1 - first["estimate"]), abs=0.1)
    # From the shallower to the deeper.
    places = [float(mark.get("cx")) for mark in root.iter("{http://www.w3.org/2000/svg}circle") if "stage" in mark[0].text]
    assert places == sorted(places) and len(places) == 2
    assert "<script" not in drawing and root.get("role") == "img"


def test_names_of_layers_are_text_in_the_figure_and_what_was_not_measured_is_left_out():
    def cut(name, assets):
        return infenclave.Cut({"name": name, "crossing": [], "assets": assets})

    hostile = cut("</text><script>alert(1)</script>", {"class": {"estimate": 0.5, "lower": None, "upper": None, "outcome": "fails"}})
    drawing = figure([hostile, cut("later", None), cut("last", {"class": {"estimate": None}})])
    root = xml.etree.ElementTree.fromstring(drawing)
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
    assert len([title for title in root.iter("{http://www.w3.org/2000/svg}title") if "0.50" in title.text]) == 1
    assert figure([cut("a", None)]) == "" and figure([]) == ""
    assert cut("a", None).row["identity"] is None and cut("a", None).estimates == []


def test_the_table_is_a_data_frame_where_there_is_pandas(assessment):
    pytest.importorskip("pandas")
    frame = assessment.to_pandas()
    assert list(frame.index) == ["stage2.pool", "stage3.pool"] and 0 < frame["r2"]["stage2.pool"] < 1
    assert frame["appearance"]["stage2.pool"] == assessment.table[0]["appearance"]
    estimates = assessment.to_pandas("estimates")
    assert len(estimates) == len(assessment.estimates) and set(estimates["cut"]) == {"stage2.pool", "stage3.pool"}


def test_pictures_may_come_from_memory(program, assessment):
    pictures = [np.asarray(Image.open(file)) for file in sorted((DEMO / "pictures").iterdir())[:24]]
    again = infenclave.assess(DEMO / "classifier.onnx", pictures, program=program, **QUICK)
    assert [row["r2"] for row in again.table] == pytest.approx([row["r2"] for row in assessment.table], abs=1e-6)


def test_what_the_command_line_refuses_is_said_in_its_words(program, tmp_path):
    with pytest.raises(infenclave.InvalidInput, match="none.onnx"):
        infenclave.assess(tmp_path / "none.onnx", DEMO / "pictures", program=program)
    with pytest.raises(infenclave.InvalidInput, match="unknown-option"):
        infenclave.assess(DEMO / "classifier.onnx", DEMO / "pictures", program=program, unknown_option=1)
    with pytest.raises(infenclave.InvalidInput, match="neither a file nor"):
        infenclave.assess(3, DEMO / "pictures", program=program)
    with pytest.raises(infenclave.InvalidConfiguration, match="/nowhere"):
        infenclave.assess(DEMO / "classifier.onnx", DEMO / "pictures", program="/nowhere")


def test_a_torch_module_is_exported(program, tmp_path):
    torch = pytest.importorskip("torch")
    # A requirement of torch's exporter.
    pytest.importorskip("onnxscript")
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, 2), torch.nn.ReLU(), torch.nn.Conv2d(8, 8, 3, 2), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(), torch.nn.Linear(8, 10), torch.nn.Softmax(1))
    # Not that of ImageNet, which is the default for a network without settings.
    options = {**QUICK, "cut": "all", "preprocess": DEMO / "preprocess.json"}
    found = infenclave.assess(
        network, DEMO / "pictures", input_shape=(1, 3, 64, 64), program=program, out=tmp_path / "out", **options)
    assert found.table and network.training
    with pytest.raises(infenclave.InvalidInput, match="--preprocess"):
        infenclave.assess(network, DEMO / "pictures", input_shape=(1, 3, 64, 64), program=program, **QUICK)
