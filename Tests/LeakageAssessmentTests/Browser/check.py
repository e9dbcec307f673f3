# SPDX-License-Identifier: Apache-2.0
"""check.py REPORT.html [--chromium PATH] [--pictures FOLDER] [--update]: lays a report out in headless Chromium and says
what is wrong. Exit status 1 when something is.

Sections are compared with layout.json: their proportions, and a coarse picture of their grey levels, both with a tolerance
that other fonts stay within. `--update` writes that file anew: look at the screenshots before committing it."""

import argparse
import json
import pathlib
import re
import signal
import struct
import sys
import zlib

import devtools

REFERENCE = pathlib.Path(__file__).with_name("layout.json")
# Cells of a section's coarse picture; grey levels of 255 that they may differ by on average; and proportions.
COLUMNS, ROWS, GREY_TOLERANCE, PROPORTION_TOLERANCE = 24, 12, 14, 0.2
PAGES = range(4, 13)

OVERFLOW = """(() => {
  const width = document.documentElement.clientWidth, found = [];
  if (document.documentElement.scrollWidth > width) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
  const scrolls = e => e && (/auto|scroll|hidden/.test(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
  for (const e of document.querySelectorAll('main *')) {
    const box = e.getBoundingClientRect();
    if (box.width && box.right > width + 1 && !scrolls(e.parentElement)) found.push(`${e.tagName} ${e.className} ends at ${Math.round(box.right)}`);
  }
  return found.slice(0, 5);
})()"""

# Corners of the text, turned as it is drawn, for the test of separating axes.
LABELS = """(() => {
  const found = [];
  for (const svg of document.querySelectorAll('svg')) {
    const frame = svg.getBoundingClientRect();
    const boxes = [...svg.querySelectorAll('text')].map(t => {
      const b = t.getBBox(), m = t.getScreenCTM();
      const corner = (x, y) => [m.a * x + m.c * y + m.e, m.b * x + m.d * y + m.f];
      // Letters do not fill the height of their line.
      const top = b.y + b.height * 0.2, bottom = b.y + b.height * 0.8;
      return {text: t.textContent, corners: [corner(b.x, top), corner(b.x + b.width, top), corner(b.x + b.width, bottom), corner(b.x, bottom)]};
    });
    for (const b of boxes) for (const [x, y] of b.corners)
      if (x < frame.left - 1 || x > frame.right + 1 || y < frame.top - 1 || y > frame.bottom + 1) { found.push(`'${b.text}' is cut off`); break; }
    const apart = (a, b) => { for (const s of [a, b]) for (let i = 0; i < 4; i++) {
      const [p, q] = [s[i], s[(i + 1) % 4]], n = [q[1] - p[1], p[0] - q[0]];
      const on = c => c.map(v => v[0] * n[0] + v[1] * n[1]);
      const [u, v] = [on(a), on(b)];
      if (Math.max(...u) <= Math.min(...v) || Math.max(...v) <= Math.min(...u)) return true;
    } return false; };
    for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++)
      if (!apart(boxes[i].corners, boxes[j].corners)) found.push(`'${boxes[i].text}' and '${boxes[j].text}' overlap`);
  }
  return found.slice(0, 5);
})()"""

# WCAG 2.2, 1.4.3: 4.5 to 1 for text.
CONTRAST = """(() => {
  const parse = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = c => { const l = c.slice(0, 3).map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * l[0] + 0.7152 * l[1] + 0.0722 * l[2]; };
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length && (c.length < 4 || c[3] > 0)) return c; } return [255, 255, 255]; };
  const found = new Set();
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType == 3 && n.textContent.trim()) || !e.getClientRects().length) continue;
    const style = getComputedStyle(e), ink = parse(e.namespaceURI.endsWith('svg') ? style.fill : style.color);
    const [a, b] = [light(ink), light(behind(e))].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found.add(`${e.tagName.toLowerCase()}.${e.getAttribute('class')} '${e.textContent.slice(0, 20)}' has contrast ${ratio.toFixed(1)}`);
  }
  return [...found].slice(0, 5);
})()"""

ACCESSIBLE = """(() => {
  const found = [];
  for (const e of document.querySelectorAll('img:not([alt]),svg:not([aria-label],[aria-hidden])')) found.push(`${e.tagName} without text`);
  for (const e of document.querySelectorAll('th:not([scope])')) found.push(`heading '${e.textContent}' without scope`);
  let last = 1;
  for (const e of document.querySelectorAll('h1,h2,h3')) { const level = +e.tagName[1];
    if (level > last + 1) found.push(`${e.tagName} '${e.textContent}' skips a level`); last = level; }
  if (document.querySelectorAll('h1').length != 1) found.push('there is not one h1');
  return found.slice(0, 5);
})()"""

SHOWN = """[...document.querySelectorAll('.panel')].filter(p => p.getClientRects().length).map(p => p.id)"""
SECTIONS = """Object.fromEntries([['page', document.querySelector('main')], ['verdict', document.querySelector('.verdict')],
  ...['seen', 'leakage', 'plans', 'costs', 'cuts', 'bounds', 'method'].map(id => [id, document.getElementById(id)])]
  .filter(pair => pair[1]).map(([name, e]) => { const b = e.getBoundingClientRect(); return [name, [b.x + scrollX, b.y + scrollY, b.width, b.height]]; }))"""


def grey(png):
    """[row][column] of grey levels of an 8-bit PNG without interlacing."""
    position, data, header = 8, b"", None
    while position < len(png):
        length, kind = struct.unpack(">I4s", png[position:position + 8])
        body = png[position + 8:position + 8 + length]
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            data += body
        position += 12 + length
    width, height, _, colour = header[:4]
    channels = {0: 1, 2: 3, 6: 4}[colour]
    raw, stride = zlib.decompress(data), width * channels
    rows, before = [], bytearray(stride)
    for y in range(height):
        kind, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for i in range(stride):
            left = line[i - channels] if i >= channels else 0
            up, corner = before[i], before[i - channels] if i >= channels else 0
            if kind == 1:
                line[i] = (line[i] + left) & 255
            elif kind == 2:
                line[i] = (line[i] + up) & 255
            elif kind == 3:
                line[i] = (line[i] + (left + up) // 2) & 255
            elif kind == 4:
                p = left + up - corner
                near = min((abs(p - left), 0, left), (abs(p - up), 1, up), (abs(p - corner), 2, corner))
                line[i] = (line[i] + near[2]) & 255
        rows.append([sum(line[x * channels:x * channels + min(3, channels)]) / min(3, channels) for x in range(width)])
        before = line
    return rows


def coarse(rows):
    """Mean grey levels of ROWS x COLUMNS cells."""
    height, width, cells = len(rows), len(rows[0]), []
    for row in range(ROWS):
        band = rows[row * height // ROWS:max(row * height // ROWS + 1, (row + 1) * height // ROWS)]
        for column in range(COLUMNS):
            low, high = column * width // COLUMNS, max(column * width // COLUMNS + 1, (column + 1) * width // COLUMNS)
            values = [value for line in band for value in line[low:high]]
            cells.append(round(sum(values) / len(values)))
    return cells


def layout(page):
    page.show(1280)
    found = {}
    for name, box in page.evaluate(SECTIONS).items():
        scale = min(1, 192 / box[2])
        found[name] = {"proportion": round(box[3] / box[2], 3), "grey": coarse(grey(page.screenshot(box, scale)))}
    return found


def differences(found, reference):
    if set(found) != set(reference):
        yield f"sections are {sorted(found)}, expected {sorted(reference)}"
    for name in set(found) & set(reference):
        ours, theirs = found[name], reference[name]
        ratio = ours["proportion"] / theirs["proportion"]
        if not 1 - PROPORTION_TOLERANCE < ratio < 1 + PROPORTION_TOLERANCE:
            yield f"'{name}' is {ratio:.2f} times as tall as in layout.json"
        distance = sum(abs(a - b) for a, b in zip(ours["grey"], theirs["grey"])) / len(theirs["grey"])
        if distance > GREY_TOLERANCE:
            yield f"'{name}' differs from layout.json by {distance:.1f} grey levels"


def problems(page, pictures):
    for name, width, scheme in (("wide", 1280, "light"), ("dark", 1280, "dark"), ("phone", 390, "light"), ("phone-dark", 390, "dark")):
        page.show(width, scheme=scheme)
        checks = (OVERFLOW, LABELS, CONTRAST) if scheme == "light" else (OVERFLOW, CONTRAST)
        for check in checks + (ACCESSIBLE,):
            yield from (f"{name}: {problem}" for problem in page.evaluate(check))
        if pictures:
            (pictures / f"{name}.png").write_bytes(page.screenshot())
    brightness = []
    for scheme in ("light", "dark"):
        page.show(1280, scheme=scheme)
        rows = grey(page.screenshot((0, 0, 1280, 800), 0.1))
        brightness.append(sum(map(sum, rows)) / sum(map(len, rows)))
    if not (brightness[0] > 190 and brightness[1] < 70):
        yield f"the schemes are {brightness[0]:.0f} and {brightness[1]:.0f} bright"

    page.show(1280)
    count = page.evaluate("document.querySelectorAll('.panel').length")
    if page.evaluate(SHOWN) != [page.evaluate("'panel' + document.querySelector('.stepper>input:checked').id.slice(3)")]:
        yield f"not only the chosen panel is shown: {page.evaluate(SHOWN)}"
    page.evaluate("document.getElementById('cut0').click(); document.getElementById('cut0').focus()")
    for step in range(1, count):
        page.key("ArrowRight", 39)
        if page.evaluate(SHOWN) != [f"panel{step}"]:
            yield f"after {step} presses of the right arrow {page.evaluate(SHOWN)} is shown"
            break

    paper = 794 - 2 * 53
    page.show(paper, media="print", scheme="dark")
    yield from (f"paper: {problem}" for check in (OVERFLOW, LABELS, CONTRAST) for problem in page.evaluate(check))
    shown = len(page.evaluate(SHOWN))
    if not 1 <= shown <= 4:
        yield f"paper shows {shown} cuts"
    pdf = page.pdf()
    if pictures:
        (pictures / "report.pdf").write_bytes(pdf)
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    if pages not in PAGES:
        yield f"the report prints on {pages} pages, expected {PAGES.start} to {PAGES.stop - 1}"
    page.show(1280)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report")
    parser.add_argument("--chromium", default="chromium")
    parser.add_argument("--pictures", type=pathlib.Path, help="keep screenshots and the PDF in this folder")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--any-report", action="store_true", help="do not compare with layout.json")
    options = parser.parse_args()
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    # A browser that hangs ends this program instead of holding it.
    signal.alarm(1200)
    page = devtools.Page(options.chromium, options.report)
    try:
        if options.update:
            sections = layout(page)
            lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(section)}" for name, section in sections.items())
            REFERENCE.write_text("{\n" + lines + "\n}\n")
        compared = [] if options.any_report else list(differences(layout(page), json.loads(REFERENCE.read_text())))
        page.load(options.report)
        found = compared + list(problems(page, options.pictures))
    finally:
        page.close()
    for problem in found:
        print(problem)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
