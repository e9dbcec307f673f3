# SPDX-License-Identifier: Apache-2.0
"""Line plots as SVG that read on light and dark pages."""

import html
import math

COLOURS = ("#3b7dd8", "#d9742b", "#3d9a6a", "#a45ab8", "#868e96")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 380, 56, 16, 44, 60


def lines(title, x_name, y_name, series, limits=(), y_range=(0, 1), logarithmic=False):
    """`series`: [(name, [(x, y)])] with x from 0 to 1; `limits`: [(name, y)]."""
    low, high = y_range
    scale = (lambda value: math.log10(max(value, low))) if logarithmic else (lambda value: value)
    x = lambda value: LEFT + value * (WIDTH - LEFT - RIGHT)
    y = lambda value: HEIGHT - BOTTOM - (scale(min(max(value, low), high)) - scale(low)) / (scale(high) - scale(low)) * (HEIGHT - TOP - BOTTOM)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" font-family="sans-serif" '
        f'font-size="12" role="img" aria-label="{html.escape(title)}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="18" font-size="14" font-weight="bold">{html.escape(title)}</text>',
    ]
    if logarithmic:
        ticks = [10 ** power for power in range(math.ceil(scale(low)), math.floor(scale(high)) + 1)]
    else:
        ticks = [low + (high - low) * step / 4 for step in range(5)]
    for tick in ticks:
        parts.append(f'<path d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}" stroke="#e2e5e8"/>'
                     f'<text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end" fill="#555">{tick:g}</text>')
    for step in range(5):
        parts.append(f'<text x="{x(step / 4):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle" fill="#555">{step / 4:g}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - BOTTOM + 32}" text-anchor="middle" fill="#555">{html.escape(x_name)}</text>')
    parts.append(f'<text x="{LEFT}" y="36" fill="#555">{html.escape(y_name)}</text>')
    for name, limit in limits:
        parts.append(f'<path d="M{LEFT} {y(limit):.1f}H{WIDTH - RIGHT}" stroke="#b3261e" stroke-dasharray="5 4"/>'
                     f'<text x="{WIDTH - RIGHT - 2}" y="{y(limit) - 5:.1f}" text-anchor="end" fill="#b3261e">{html.escape(name)}</text>')
    step = (WIDTH - 16) / len(series)
    for index, (name, points) in enumerate(series):
        colour = COLOURS[index % len(COLOURS)]
        if points:
            path = "L".join(f"{x(a):.1f} {y(b):.1f}" for a, b in points)
            parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="3" fill="{colour}"/>' for a, b in points]
        parts.append(f'<rect x="{8 + index * step:.0f}" y="{HEIGHT - 17}" width="12" height="4" fill="{colour}"/>'
                     f'<text x="{24 + index * step:.0f}" y="{HEIGHT - 11}" fill="#333" font-size="11">{html.escape(name)}</text>')
    return "\n".join(parts + ["</svg>"]) + "\n"
