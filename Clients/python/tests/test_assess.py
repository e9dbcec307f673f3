"""The assessment, by the command line."""

import numpy as np
import pytest
from deployment import DEMO
from PIL import Image

import infenclave

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


def test_the_table_is_a_data_frame_where_there_is_pandas(assessment):
    pytest.importorskip("pandas")
    frame = assessment.to_pandas()
    assert list(frame.index) == ["stage2.pool", "stage3.pool"] and 0 < frame["r2"]["stage2.pool"] < 1


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
    pytest.importorskip("onnx")
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, 2), torch.nn.ReLU(), torch.nn.Conv2d(8, 8, 3, 2), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(), torch.nn.Linear(8, 10), torch.nn.Softmax(1))
    found = infenclave.assess(network, DEMO / "pictures", input_shape=(1, 3, 64, 64), program=program, **{**QUICK, "cut": "all"})
    assert found.table and network.training
