# SPDX-License-Identifier: Apache-2.0
"""The assessment of a model: what every cut would leak. This module runs the command line, which measures, and reads its
results."""

from __future__ import annotations

import html
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from typing import Any, Union

from ._errors import InvalidConfiguration, InvalidInput
from ._figure import ASSETS, figure
from ._pictures import Picture, decode

# What a table shows of each cut, in this order; `Cut.members` has all of it.
COLUMNS = ("name", "operator", "nodesInside", "boundaryBytes", "outcome", "appearance", "identity", "class", "klMean", "r2", "ssim",
           "retrievalTop1", "class1Shot", "decoderKL")
# What a table shows of each estimate.
ESTIMATE_COLUMNS = ("cut", "attack", "metric", "lower", "value", "upper", "standing")


class Cut:
    """One cut that was measured.

    Attributes:
        name: The last layer inside the enclave.
        members: All that assessment.json has of it (Documentation/reading-a-report.md).
    """

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.members = members
        self.name: str = members["name"]

    @property
    def row(self) -> dict[str, Any]:
        """The columns of the table: for each asset, the estimate of what an attacker with more pictures recovers."""
        row = {column: self.members.get(column) for column in COLUMNS}
        row["boundaryBytes"] = sum(tensor["bytes"] for tensor in self.members["crossing"])
        row["outcome"] = (self.members.get("gates") or {}).get("outcome")
        for asset in ASSETS:
            row[asset] = self.asset(asset).get("estimate")
        return row

    def asset(self, name: str) -> Mapping[str, Any]:
        """The results for ``appearance``, ``identity`` or ``class``: ``outcome``, ``decidedBy``, ``lower``, ``estimate``,
        ``upper`` (at this cut or a deeper one), ``thisCut``, ``curves``; empty if it was not measured."""
        return (self.members.get("assets") or {}).get(name) or {}

    @property
    def estimates(self) -> list[dict[str, Any]]:
        """A row for each attack and metric: the interval that it found, and whether that is evidence."""
        return [{"cut": self.name, "attack": attack, "metric": metric, **{
                    name: found.get(name) for name in ("lower", "value", "upper", "standing")}}
                for attack, metrics in (self.members.get("estimates") or {}).items() for metric, found in metrics.items()]

    def __repr__(self) -> str:
        return f"<Cut {self.name}>"


class Assessment:
    """The results of an assessment. A notebook displays it as a table.

    Attributes:
        folder: Where assessment.json, plan.json and report.html are.
        members: All of assessment.json.
        plan: All of plan.json: what ``infenclave partition --plan`` takes.
        cuts: The cuts that were measured, from the first layer to the last.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.members: Mapping[str, Any] = json.loads((folder / "assessment.json").read_bytes())
        self.plan: Mapping[str, Any] = json.loads((folder / "plan.json").read_bytes())
        self.cuts = [Cut(members) for members in self.members["cuts"]]

    @property
    def report(self) -> pathlib.Path:
        """The report with its figures, one HTML file."""
        return self.folder / "report.html"

    @property
    def recommendation(self) -> str:
        """The reason for this plan, in a sentence."""
        return str(self.plan["reason"])

    @property
    def warnings(self) -> list[str]:
        """What a reader must know."""
        return list(self.members["warnings"])

    @property
    def table(self) -> list[dict[str, Any]]:
        """A row for each cut."""
        return [cut.row for cut in self.cuts]

    @property
    def estimates(self) -> list[dict[str, Any]]:
        """A row for each cut, attack and metric."""
        return [row for cut in self.cuts for row in cut.estimates]

    def to_pandas(self, rows: str = "table") -> Any:
        """``table`` as a ``pandas.DataFrame`` indexed by the cut's name, or ``estimates``; it needs pandas."""
        import pandas

        if rows == "estimates":
            return pandas.DataFrame(self.estimates, columns=list(ESTIMATE_COLUMNS))
        return pandas.DataFrame(self.table, columns=list(COLUMNS)).set_index("name")

    def figure(self) -> str:
        """What is left of appearance (R²), identity and class by depth, as an SVG."""
        return figure(self.cuts)

    def __repr__(self) -> str:
        return f"<Assessment of {len(self.cuts)} cuts: {self.plan['front']} / {self.plan['mapping']}>"

    def _repr_html_(self) -> str:
        def cell(value: Any) -> str:
            text = "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
            return f"<td>{html.escape(text)}</td>"

        head = "".join(f"<th scope='col'>{column}</th>" for column in COLUMNS)
        rows = "".join(f"<tr>{''.join(cell(row[column]) for column in COLUMNS)}</tr>" for row in self.table)
        warned = "".join(f"<li>{html.escape(warning)}</li>" for warning in self.warnings)
        return (f"<section><p>{html.escape(self.recommendation)}</p><ul>{warned}</ul>{self.figure()}"
                f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></section>")


def assess(
    model: Any,
    images: Union[str, "os.PathLike[str]", Iterable[Picture]],
    *,
    out: Union[str, "os.PathLike[str]", None] = None,
    input_shape: tuple[int, ...] = (1, 3, 224, 224),
    program: Union[str, "os.PathLike[str]", None] = None,
    timeout: float | None = None,
    **options: Any,
) -> Assessment:
    """Measures what every cut of a model would leak, as ``infenclave assess`` does, and recommends a partition.

    Args:
        model: An .onnx file, Darknet's .cfg, or a ``torch.nn.Module``, which is exported to ONNX in evaluation mode. That needs
            torch and onnxscript; if the network's input is not that of ImageNet's networks (224x224, their mean and deviation),
            describe it by ``preprocess="preprocess.json"`` (Documentation/deploying.md).
        images: A folder of pictures like those that clients will send, or pictures as ``Client.classify`` takes them.
        out: The folder to write; by default a new one in the temporary folder.
        input_shape: Of a torch module's input.
        program: The command line; by default the one that the variable ``INFENCLAVE_PROGRAM`` names, else ``infenclave`` in the
            path.
        timeout: Seconds; None for no limit.
        options: More options of ``infenclave assess measure``, with ``_`` for ``-``: ``limit=200``, ``validator="other.onnx"``,
            ``cut=["layer2", "layer3"]`` for one that repeats, ``noise=True`` for one without a value.

    Raises:
        InvalidConfiguration: The program does not exist.
        InvalidInput: The command line refused the model, the pictures or an option; its words are the message.
    """
    command = os.fspath(program) if program else os.environ.get("INFENCLAVE_PROGRAM") or shutil.which("infenclave")
    if not command or not os.access(command, os.X_OK):
        raise InvalidConfiguration(
            f"there is no program {command or 'infenclave'}", "build it with `make build`, and pass program= or put it in the path")
    folder = pathlib.Path(out) if out else pathlib.Path(tempfile.mkdtemp(prefix="infenclave-assess-"))
    with tempfile.TemporaryDirectory() as work:
        file = _model_file(model, pathlib.Path(work), input_shape)
        pictures = _picture_folder(images, pathlib.Path(work))
        arguments = [command, "assess", "measure", str(file), "--images", str(pictures), "--out", str(folder), "--json"]
        done = subprocess.run([*arguments, *_options(options)], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              timeout=timeout)
    if done.returncode != 0:
        raise _refusal(done)
    return Assessment(folder)


def _refusal(done: subprocess.CompletedProcess[str]) -> InvalidInput:
    try:
        error = json.loads(done.stdout)["error"]
        return InvalidInput(f"infenclave assess: {error['message']}", error["remedy"])
    except (ValueError, KeyError, TypeError):
        return InvalidInput(f"infenclave assess: {done.stderr.strip()[-2000:] or f'it ended with status {done.returncode}'}")


def _options(options: Mapping[str, Any]) -> list[str]:
    arguments = []
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            arguments.append(flag)
        elif value is not None and value is not False:
            for one in value if isinstance(value, (list, tuple)) else [value]:
                arguments += [flag, str(one)]
    return arguments


def _model_file(model: Any, work: pathlib.Path, shape: tuple[int, ...]) -> pathlib.Path:
    if isinstance(model, (str, os.PathLike)):
        return pathlib.Path(model)
    if not (hasattr(model, "state_dict") and callable(model)):
        raise InvalidInput(f"{type(model).__name__} is neither a file nor a torch.nn.Module", "pass the path of an .onnx file")
    import torch

    file = work / "model.onnx"
    was_training = model.training
    model.eval()
    try:
        torch.onnx.export(model, (torch.zeros(shape),), str(file), input_names=["input"], output_names=["output"])
    finally:
        model.train(was_training)
    return file


def _picture_folder(images: Any, work: pathlib.Path) -> pathlib.Path:
    if isinstance(images, (str, os.PathLike)):
        return pathlib.Path(images)
    folder = work / "images"
    folder.mkdir()
    for number, picture in enumerate(images):
        decode(picture).save(folder / f"{number:06}.png")
    return folder
