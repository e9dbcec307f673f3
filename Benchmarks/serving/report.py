# SPDX-License-Identifier: Apache-2.0
"""Results as JSON, as Markdown tables and as a plot."""

import json
import pathlib

COLOURS = ["#3b6ea5", "#d98c3f", "#5b9a68", "#a45a8c", "#7a7a7a", "#c0504d"]


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


def write(results, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "serving.json").write_text(json.dumps(results, indent=2) + "\n")
    (folder / "serving.md").write_text(markdown(results))
    (folder / "serving.svg").write_text(plot(results))
    print(f"wrote {folder}/serving.json, serving.md and serving.svg")


def markdown(results):
    lines = [
        f"{results['machine']}, {results['processors']} processors, load {results['loadBefore']:.1f} before. Medians of "
        f"{results['rounds']} rounds of {results['seconds']:g} s in which all take turns. The program that asks is on the "
        "same processors.", "",
        "| model | served by | connections | answers a second | of the engine's | p50, ms | p99, ms | client, ms of processor |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for model in results["models"]:
        engine = model["engine"]
        lines.append(
            f"| {model['model']} | the engine alone, one on each thread | - | {engine['perSecond']:.1f} | 1.00 | "
            f"{engine['milliseconds']:.2f} on all threads | - | - |")
        for row in model["rows"]:
            lines.append(
                f"| {model['model']} | {row['name']} | {row['connections']} | {row['perSecond']:.1f} | "
                f"{row['ofEngine']:.2f} | {row['p50']:.2f} | {row['p99']:.2f} | {row['clientMilliseconds']:.2f} |")
    for model in results["models"]:
        if "overload" in model:
            lines += overload_lines(model["model"], model["overload"])
    return "\n".join(lines) + "\n"


def overload_lines(name, result):
    overload, saturation = result["overload"], result["saturation"]
    share = overload["answered"] / max(1, overload["answered"] + sum(overload["refusals"].values()))
    times = lambda values, percent: f"{values[percent]:.1f} ms" if values else "none"
    lines = [
        "",
        f"{name} at twice what it can take ({result['offeredPerSecond']:.0f} a second for {overload['seconds']:.0f} s): "
        f"{100 * share:.0f} % admitted, p99 {times(overload.get('milliseconds'), 'p99')} "
        f"({times(saturation.get('milliseconds'), 'p99')} at saturation); refusals p99 "
        f"{times(overload.get('refusedMilliseconds'), 'p99')}; memory {result['growthMiBAMinute']:+.2f} MiB a minute.",
    ]
    return lines + [f"- {fault}" for fault in result["faults"]]


def plot(results):
    """Bars of answers a second relative to the engine's own, a group for each model."""
    models = [model for model in results["models"] if model["rows"]]
    names = list(dict.fromkeys(f"{row['name']}, {row['connections']}" for model in models for row in model["rows"]))
    left, width, bar, gap, top = 150, 430, 14, 14, 20 + 15 * len(names)
    height = top + sum(bar * len(model["rows"]) + gap for model in models) + 34
    largest = max([1.1] + [row["ofEngine"] for model in models for row in model["rows"]])
    x = lambda value: left + width * value / largest
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 60}" height="{height}" font-family="sans-serif" '
        'font-size="11">', '<rect width="100%" height="100%" fill="white"/>']
    for index, name in enumerate(names):
        parts.append(f'<rect x="20" y="{8 + 15 * index}" width="10" height="10" fill="{COLOURS[index % len(COLOURS)]}"/>')
        plural = "" if name.endswith(", 1") else "s"
        parts.append(f'<text x="35" y="{17 + 15 * index}">{name} connection{plural}</text>')
    y = top
    for model in models:
        parts.append(
            f'<text x="{left - 8}" y="{y + bar * len(model["rows"]) / 2 + 4}" text-anchor="end">{model["model"]}</text>')
        for row in model["rows"]:
            colour = COLOURS[names.index(f"{row['name']}, {row['connections']}") % len(COLOURS)]
            parts.append(
                f'<rect x="{left}" y="{y}" width="{x(row["ofEngine"]) - left:.1f}" height="{bar - 3}" fill="{colour}"/>')
            parts.append(f'<text x="{x(row["ofEngine"]) + 4:.1f}" y="{y + 9}">{row["perSecond"]:.0f}/s</text>')
            y += bar
        y += gap
    parts.append(f'<path d="M{x(1):.1f} {top - 6}V{height - 28}" stroke="black" stroke-dasharray="3 3"/>')
    parts.append(
        f'<text x="{x(1):.1f}" y="{height - 12}" text-anchor="middle">1 = the engine alone (more is better)</text>')
    return "\n".join(parts + ["</svg>"]) + "\n"
