# SPDX-License-Identifier: Apache-2.0
"""Results as JSON, as a Markdown table and as a plot."""

import json
import pathlib


NAMES = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


def write(results, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    (folder / "results.md").write_text(markdown(results))
    (folder / "results.svg").write_text(plot(results))
    print(f"wrote {folder}/results.json, results.md and results.svg")


def markdown(results):
    engines = results["engines"]
    against = " and ".join(f"{NAMES[engine]} {version}" for engine, version in engines.items())
    lines = [
        f"Batch 1 on {results['machine']} ({results['processors']} processors, load {results['loadBefore']:.1f} before), "
        f"against {against}, ONNX Runtime in f32 always, OpenVINO in the precision of ours (int8 by NNCF). Medians of {results['rounds']} rounds in which they "
        f"take turns with {results['runs']} inferences each; the spread is that of the rounds' ratios. Networks whose "
        "weights are random are marked in `networks.py`: speed does not depend on the values. Agreement: of the first class "
        "with that of the same engine in f32, on photographs that did not calibrate.",
        "",
        "![Time relative to the others](results.svg)",
        "",
        "| model | threads | precision | ours, ms |" + "".join(
            f" {NAMES[engine]}, ms | ratio | spread |" for engine in engines) + " agreement, ours | OpenVINO |",
        "|---|---:|---|---:|" + "---:|---:|---|" * len(engines) + "---:|---:|",
    ]
    for model in results["models"]:
        for row in model["speed"]:
            lines.append(
                f"| {model['model']} | {row['threads']} | {row['precision']} | {row['ours']:.2f} |" + "".join(
                    f" {other['milliseconds']:.2f} | {other['ratio']:.2f} | {other['lowest']:.2f} to "
                    f"{other['highest']:.2f} |" for other in row["others"].values()) + "".join(
                    f" {100 * row['agreement'][engine]:.1f} % |" if engine in row["agreement"] else " |"
                    for engine in ("ours", "openvino")))
    lines += throughput_lines(results, engines)
    lines += [
        "",
        "One run in a fresh process with 2 threads, f32. Their memory is what comes on top of Python's; their time "
        "begins when Python has loaded.",
        "",
        "| model | difference, of the largest output | first result, ms | theirs | peak memory, MB | theirs |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for model in results["models"]:
        if "leftOut" in model:
            lines.append(f"| {model['model']} | left out: {model['leftOut']} | | | | |")
            continue
        first, peak = model["firstResultMilliseconds"], model["peakBytes"]
        lines.append(
            f"| {model['model']} | {model['relativeDifference']:.1e} | {first['ours']:.0f} | {first['theirs']:.0f} | "
            f"{peak['ours'] / 1e6:.0f} | {peak['theirs'] / 1e6:.0f} |")
    return "\n".join(lines) + "\n"


def throughput_lines(results, engines):
    """A table of inferences a second; nothing if they were not measured."""
    rows = [(model["model"], row) for model in results["models"] for row in model.get("throughput", [])]
    if not rows:
        return []
    lines = [
        "",
        "Inferences a second: ours one on each thread, OpenVINO with its hint for throughput, ONNX Runtime in f32 with as "
        "many calls at once as there are threads.",
        "",
        "| model | threads | precision | ours |" + "".join(f" {NAMES[engine]} |" for engine in engines),
        "|---|---:|---|---:|" + "---:|" * len(engines),
    ]
    for name, row in rows:
        rates = row["inferencesPerSecond"]
        lines.append(f"| {name} | {row['threads']} | {row['precision']} | {rates['ours']:.1f} |" + "".join(
            f" {rates[engine]:.1f} |" for engine in engines))
    return lines


def write_darknet(results, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "darknet.json").write_text(json.dumps(results, indent=2) + "\n")
    lines = [
        f"Batch 1, f32, on {results['machine']}, against Darknet's own program built with OPENMP=1. Medians of "
        f"{results['rounds']} rounds in which the two take turns. Darknet's time is that from one prompt of "
        "`classifier predict` to the next, less what it takes to read the picture; weights are random.",
        "",
        "| network | threads | ours, ms | Darknet, ms | times faster | spread |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for model in results["models"]:
        for row in model["speed"]:
            lines.append(
                f"| {model['model']} | {row['threads']} | {row['ours']:.2f} | {row['darknet']:.1f} | "
                f"{row['timesFaster']:.1f} | {row['lowest']:.1f} to {row['highest']:.1f} |")
    (folder / "darknet.md").write_text("\n".join(lines) + "\n")
    print(f"wrote {folder}/darknet.json and darknet.md")


COLOURS = [
    "#3b6ea5", "#d98c3f", "#5b9a68", "#a45a8c", "#7a7a7a", "#c0504d", "#2f4b6e", "#8c5a26", "#3d6646", "#6b3b5b", "#4d4d4d",
    "#7f3532",
]


def plot(results):
    """Bars of the ratios with their spread, a group for each model."""
    models = [model for model in results["models"] if model["speed"]]
    bars = {
        model["model"]: [
            ((row["precision"], row["threads"], engine), other)
            for row in model["speed"] for engine, other in row["others"].items()]
        for model in models
    }
    series = list(dict.fromkeys(key for group in bars.values() for key, _ in group))
    left, bar, gap, width = 190, 9, 12, 460
    top = 30 + 15 * ((len(series) + 2) // 3)
    group = bar * len(series) + gap
    height = top + group * len(models) + 30
    largest = max([1.2] + [other["highest"] for group in bars.values() for _, other in group])
    x = lambda ratio: left + width * ratio / largest
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 40}" height="{height}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="100%" height="100%" fill="white"/>',
    ]
    for index, (precision, threads, engine) in enumerate(series):
        offset, line = 20 + 220 * (index % 3), 10 + 15 * (index // 3)
        label = f"{precision}, {threads} thread{'s' if threads > 1 else ''}, {NAMES[engine]}"
        parts.append(
            f'<rect x="{offset}" y="{line}" width="10" height="10" fill="{COLOURS[index % len(COLOURS)]}"/>')
        parts.append(f'<text x="{offset + 15}" y="{line + 9}">{label}</text>')
    for place, (name, group_bars) in enumerate(bars.items()):
        y = top + place * group
        parts.append(f'<text x="{left - 8}" y="{y + group / 2}" text-anchor="end">{name}</text>')
        for key, other in group_bars:
            index = series.index(key)
            line = y + index * bar
            parts.append(
                f'<rect x="{left}" y="{line}" width="{x(other["ratio"]) - left:.1f}" height="{bar - 2}" '
                f'fill="{COLOURS[index % len(COLOURS)]}"/>')
            middle = line + (bar - 2) / 2
            parts.append(
                f'<path d="M{x(other["lowest"]):.1f} {middle}H{x(other["highest"]):.1f}" stroke="black" '
                'stroke-width="1"/>')
    parts.append(f'<path d="M{x(1):.1f} {top - 8}V{height - 24}" stroke="black" stroke-dasharray="3 3"/>')
    parts.append(
        f'<text x="{x(1):.1f}" y="{height - 10}" text-anchor="middle">1 = the other engine (less is faster)</text>')
    return "\n".join(parts + ["</svg>"]) + "\n"
