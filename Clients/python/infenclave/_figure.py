# SPDX-License-Identifier: Apache-2.0
"""The figure of an assessment: what each cut leaves of the three assets."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

ASSETS = ("appearance", "identity", "class")
_NAMES = {"appearance": "appearance, R²", "identity": "identity, share found", "class": "class, over guessing"}
# Colours that can be distinguished with red-green blindness, on light and on dark pages.
_COLOURS = {"appearance": "#2a78c2", "identity": "#c06a00", "class": "#8a5fc0"}
_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 640, 300, 44, 30, 12, 96


def _mark(asset: str, x: float, y: float, title: str) -> str:
    """Each asset has a different shape, so that colour is not the only distinction."""
    shapes = {
        "appearance": f"<circle cx='{x:.1f}' cy='{y:.1f}' r='4'",
        "identity": f"<rect x='{x - 4:.1f}' y='{y - 4:.1f}' width='8' height='8'",
        "class": f"<path d='M{x:.1f} {y - 5:.1f}l5 9h-10z'",
    }
    return f"{shapes[asset]} fill='{_COLOURS[asset]}'><title>{html.escape(title)}</title>{_END[asset]}"


_END = {"appearance": "</circle>", "identity": "</rect>", "class": "</path>"}


def figure(cuts: Sequence[Any]) -> str:
    """Estimates with their intervals, from the first cut to the last. Empty where nothing was measured."""
    wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    if not any(cut.asset(asset).get("estimate") is not None for cut in cuts for asset in ASSETS):
        return ""

    def across(number: int, shift: float = 0) -> float:
        return _LEFT + wide * (number + 0.5) / len(cuts) + shift

    def up(value: float) -> float:
        return _TOP + high * (1 - min(max(value, 0.0), 1.0))

    parts = [f"<path d='M{_LEFT} {up(value):.1f}h{wide}' stroke='currentColor' stroke-opacity='0.2'/>"
             f"<text x='{_LEFT - 6}' y='{up(value) + 4:.1f}' text-anchor='end'>{value:g}</text>"
             for value in (0.0, 0.25, 0.5, 0.75, 1.0)]
    # Names that do not fit are omitted; each mark has its name.
    step = -(-len(cuts) // 20)
    for number, cut in list(enumerate(cuts))[::step]:
        x, y = across(number), _TOP + high + 12
        parts.append(f"<text x='{x:.1f}' y='{y}' text-anchor='end' transform='rotate(-45 {x:.1f} {y})'>"
                     f"{html.escape(cut.name[-20:])}</text>")
    for order, asset in enumerate(ASSETS):
        shift = 5.0 * (order - 1)
        known = [(number, cut, cut.asset(asset)) for number, cut in enumerate(cuts) if cut.asset(asset).get("estimate") is not None]
        line = " ".join(f"{across(number, shift):.1f},{up(found['estimate']):.1f}" for number, _, found in known)
        if len(known) > 1:
            parts.append(f"<polyline points='{line}' fill='none' stroke='{_COLOURS[asset]}' stroke-opacity='0.6'/>")
        for number, cut, found in known:
            x, lower, upper = across(number, shift), found.get("lower"), found.get("upper")
            if lower is not None and upper is not None:
                parts.append(f"<path d='M{x:.1f} {up(lower):.1f}V{up(upper):.1f}' stroke='{_COLOURS[asset]}'/>")
            interval = f", {lower:.2f} to {upper:.2f}" if lower is not None and upper is not None else ""
            parts.append(_mark(asset, x, up(found["estimate"]),
                               f"{cut.name}: {_NAMES[asset]} {found['estimate']:.2f}{interval}, {found.get('outcome')}"))
        x = _LEFT + order * wide / len(ASSETS)
        parts.append(_mark(asset, x + 6, 12, _NAMES[asset]) + f"<text x='{x + 16:.1f}' y='16'>{_NAMES[asset]}</text>")
    return (f"<svg role='img' aria-label='What each cut leaves of appearance, identity and class, from the first layer to the last' "
            f"viewBox='0 0 {_WIDTH} {_HEIGHT}' width='{_WIDTH}' style='max-width:100%;font:12px sans-serif' fill='currentColor' "
            f"xmlns='http://www.w3.org/2000/svg'>{''.join(parts)}</svg>")
