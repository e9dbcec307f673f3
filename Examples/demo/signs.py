# SPDX-License-Identifier: Apache-2.0
"""The ten traffic signs, drawn with polygons and strokes: no fonts, no files.

A sign is drawn on a square RGBA layer in its own coordinates: x right, y down, the sign within -1...1.
"""

import math

from PIL import Image, ImageDraw

RED, WHITE, BLACK = (196, 22, 34), (244, 244, 240), (22, 22, 24)
BLUE, YELLOW = (16, 82, 176), (248, 196, 20)

# Digits and letters as polylines in a cell 0...1 wide and 0...2 high.
STROKES = {
    "0": [[(0, 0.5), (0.5, 0), (1, 0.5), (1, 1.5), (0.5, 2), (0, 1.5), (0, 0.5)]],
    "3": [[(0, 0.1), (1, 0.1), (0.45, 0.85), (1, 1.15), (1, 1.6), (0.55, 2), (0, 1.8)]],
    "7": [[(0, 0.1), (1, 0.1), (0.35, 2)]],
    "S": [[(1, 0.25), (0.6, 0), (0, 0.35), (0.1, 0.8), (0.9, 1.2), (1, 1.65), (0.4, 2), (0, 1.75)]],
    "T": [[(0, 0.1), (1, 0.1)], [(0.5, 0.1), (0.5, 2)]],
    "O": [[(0, 0.5), (0.5, 0), (1, 0.5), (1, 1.5), (0.5, 2), (0, 1.5), (0, 0.5)]],
    "P": [[(0, 2), (0, 0.1), (0.7, 0.1), (1, 0.5), (0.7, 1.05), (0, 1.05)]],
}


class Pen:
    """Draws in sign coordinates on a layer of `size` pixels, leaving a margin of one eighth."""

    def __init__(self, size):
        self.layer = Image.new("RGBA", (size, size), (0, 0, 0, 0))
        self.draw = ImageDraw.Draw(self.layer)
        self.half = size / 2
        self.unit = size * 0.4375

    def at(self, point):
        return (self.half + point[0] * self.unit, self.half + point[1] * self.unit)

    def polygon(self, points, colour):
        self.draw.polygon([self.at(point) for point in points], fill=colour)

    def regular(self, corners, radius, colour, turn=0.0, centre=(0, 0)):
        angles = [math.tau * (i + turn) / corners - math.pi / 2 for i in range(corners)]
        cx, cy = centre
        self.polygon([(cx + radius * math.cos(a), cy + radius * math.sin(a)) for a in angles], colour)

    def disc(self, radius, colour, centre=(0, 0)):
        x, y = self.at(centre)
        r = radius * self.unit
        self.draw.ellipse([x - r, y - r, x + r, y + r], fill=colour)

    def stroke(self, points, width, colour):
        pixels = [self.at(point) for point in points]
        self.draw.line(pixels, fill=colour, width=max(1, round(width * self.unit)), joint="curve")
        for point in points:
            self.disc(width / 2, colour, point)

    def text(self, characters, left, top, width, height, gap, thickness, colour):
        for index, character in enumerate(characters):
            x = left + index * (width + gap)
            for line in STROKES[character]:
                self.stroke([(x + u * width, top + v * height / 2) for u, v in line], thickness, colour)


def stop(pen):
    pen.regular(8, 1.0, WHITE, turn=0.5)
    pen.regular(8, 0.92, RED, turn=0.5)
    pen.text("STOP", -0.66, -0.27, 0.24, 0.54, 0.12, 0.1, WHITE)


def give_way(pen):
    pen.regular(3, 1.12, RED, turn=1.5, centre=(0, -0.2))
    pen.regular(3, 0.66, WHITE, turn=1.5, centre=(0, -0.2))


def no_entry(pen):
    pen.disc(1.0, WHITE)
    pen.disc(0.94, RED)
    pen.polygon([(-0.68, -0.19), (0.68, -0.19), (0.68, 0.19), (-0.68, 0.19)], WHITE)


def speed_limit(pen, digits):
    pen.disc(1.0, RED)
    pen.disc(0.74, WHITE)
    pen.text(digits, -0.46, -0.38, 0.36, 0.76, 0.2, 0.15, BLACK)


def straight_ahead(pen):
    pen.disc(1.0, WHITE)
    pen.disc(0.94, BLUE)
    pen.polygon([(-0.14, 0.66), (0.14, 0.66), (0.14, -0.1), (-0.14, -0.1)], WHITE)
    pen.polygon([(-0.46, -0.06), (0, -0.68), (0.46, -0.06)], WHITE)


def turn_right(pen):
    pen.disc(1.0, WHITE)
    pen.disc(0.94, BLUE)
    pen.polygon([(-0.5, 0.6), (-0.22, 0.6), (-0.22, 0.06), (0.15, 0.06), (0.15, -0.22), (-0.5, -0.22)], WHITE)
    pen.polygon([(0.1, -0.54), (0.7, -0.08), (0.1, 0.38)], WHITE)


def roundabout(pen):
    pen.disc(1.0, WHITE)
    pen.disc(0.94, BLUE)
    for third in range(3):
        start = math.tau * third / 3
        angles = [start + step * 0.21 for step in range(7)]
        pen.stroke([(0.5 * math.cos(a), 0.5 * math.sin(a)) for a in angles], 0.2, WHITE)
        tip, back = angles[-1] + 0.6, angles[-1] + 0.02
        corners = [(0.5, tip), (0.25, back), (0.76, back)]
        pen.polygon([(r * math.cos(a), r * math.sin(a)) for r, a in corners], WHITE)


def pedestrian_crossing(pen):
    pen.polygon([(-0.92, -0.92), (0.92, -0.92), (0.92, 0.92), (-0.92, 0.92)], BLUE)
    pen.polygon([(0, -0.82), (0.84, 0.72), (-0.84, 0.72)], WHITE)
    pen.disc(0.12, BLACK, (0.03, -0.36))
    pen.stroke([(0.02, -0.18), (-0.03, 0.16)], 0.17, BLACK)
    pen.stroke([(-0.03, 0.16), (0.2, 0.58)], 0.11, BLACK)
    pen.stroke([(-0.03, 0.16), (-0.27, 0.58)], 0.11, BLACK)
    pen.stroke([(0.0, -0.14), (0.27, 0.1)], 0.08, BLACK)
    pen.stroke([(0.0, -0.14), (-0.25, 0.08)], 0.08, BLACK)


def priority_road(pen):
    pen.regular(4, 1.06, BLACK)
    pen.regular(4, 1.02, WHITE)
    pen.regular(4, 0.68, YELLOW)


SIGNS = [
    ("Stop", stop),
    ("Give way", give_way),
    ("No entry", no_entry),
    ("Speed limit 30", lambda pen: speed_limit(pen, "30")),
    ("Speed limit 70", lambda pen: speed_limit(pen, "70")),
    ("Straight ahead only", straight_ahead),
    ("Turn right", turn_right),
    ("Roundabout", roundabout),
    ("Pedestrian crossing", pedestrian_crossing),
    ("Priority road", priority_road),
]


def sign_layer(index, size):
    """The sign of class `index`, RGBA, `size` pixels square."""
    pen = Pen(size)
    SIGNS[index][1](pen)
    return pen.layer
