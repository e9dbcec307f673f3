# SPDX-License-Identifier: Apache-2.0
"""Backgrounds and the assembly of a picture: scene, sign, light, blur, occlusion. The caller supplies the random
generator."""

import math

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

from signs import sign_layer

BICUBIC, BOX = Image.Resampling.BICUBIC, Image.Resampling.BOX


def jitter(rng, colour, amount):
    moves = rng.normal(0, amount) + rng.normal(0, amount / 2, 3)
    return tuple(int(np.clip(c + v, 0, 255)) for c, v in zip(colour, moves))


def pick(rng, items):
    return items[int(rng.integers(len(items)))]


def gradient(size, top, bottom):
    strip = np.linspace(0, 1, size)[:, None, None]
    ramp = np.float64(top) * (1 - strip) + np.float64(bottom) * strip
    return Image.fromarray(np.broadcast_to(ramp, (size, size, 3)).astype(np.uint8))


def clouds(rng, size, cells):
    """Smooth noise as a grey mask."""
    return Image.fromarray(rng.integers(0, 256, (cells, cells), np.uint8)).resize((size, size), BICUBIC)


def leaves(rng, draw, size, box, palette, count, largest):
    """Dead leaves: overlapping ellipses and polygons whose radii follow a power law."""
    left, top, right, bottom = box
    radii = np.sort(largest * size / np.sqrt(rng.uniform(1, 60, count)))[::-1]
    xs, ys = rng.uniform(left, right, count) * size, rng.uniform(top, bottom, count) * size
    for radius, x, y in zip(radii, xs, ys):
        colour = jitter(rng, pick(rng, palette), 14)
        stretch, angle = rng.uniform(0.4, 1), rng.uniform(0, math.tau)
        corners = 4 if rng.random() < 0.3 else 9
        turn = [math.tau * i / corners for i in range(corners)]
        along = [(radius * math.cos(t), radius * stretch * math.sin(t)) for t in turn]
        cos, sin = math.cos(angle), math.sin(angle)
        draw.polygon([(x + u * cos - v * sin, y + u * sin + v * cos) for u, v in along], fill=colour)


GREENS = [(46, 84, 38), (88, 122, 50), (30, 56, 34), (132, 150, 70), (70, 62, 40), (164, 172, 110)]
AUTUMN = [(150, 84, 30), (190, 132, 44), (96, 58, 30), (110, 116, 48), (60, 44, 32), (214, 176, 96)]
STONES = [(120, 116, 110), (92, 90, 88), (150, 144, 132), (70, 68, 70), (176, 168, 150)]
HOUSES = STONES + [(160, 104, 80), (196, 178, 140)]
PANES = [(60, 72, 90), (230, 214, 150), (30, 34, 42)]
BRICKS = [((150, 74, 56), (190, 180, 168)), ((176, 160, 132), (120, 112, 100)), ((110, 112, 118), (70, 70, 74))]
SKIES = [((96, 150, 210), (206, 222, 234)), ((150, 160, 172), (214, 214, 208)), ((60, 84, 140), (240, 176, 120))]


def foliage(rng, size):
    palette = pick(rng, [GREENS, AUTUMN, STONES])
    scene = Image.new("RGB", (size, size), jitter(rng, palette[0], 10))
    leaves(rng, ImageDraw.Draw(scene), size, (0, 0, 1, 1), palette, 190, 0.34)
    return scene


def country(rng, size):
    top, bottom = pick(rng, SKIES)
    scene = gradient(size, jitter(rng, top, 14), jitter(rng, bottom, 10))
    scene.paste((236, 236, 238), mask=clouds(rng, size, 5).point(lambda v: max(0, v - 130)))
    draw = ImageDraw.Draw(scene)
    horizon = rng.uniform(0.4, 0.7)
    palette = pick(rng, [GREENS, AUTUMN])
    hill = [(x / 8 * size, (horizon - 0.12 * rng.random()) * size) for x in range(9)]
    draw.polygon([(0, size), *hill, (size, size)], fill=jitter(rng, palette[2], 12))
    leaves(rng, draw, size, (0, horizon - 0.08, 1, horizon + 0.1), palette, 70, 0.13)
    field = jitter(rng, pick(rng, [(120, 130, 66), (92, 112, 54), (170, 150, 90)]), 12)
    draw.rectangle([0, (horizon + 0.08) * size, size, size], fill=field)
    vanish, foot = rng.uniform(0.2, 0.8), rng.uniform(0, 1)
    near, far = rng.uniform(0.25, 0.45), 0.02
    y0 = (horizon + 0.07) * size
    road = [(vanish - far, y0), (vanish + far, y0), (foot + near, size), (foot - near, size)]
    draw.polygon([(x * size, y) for x, y in road], fill=jitter(rng, (94, 94, 98), 10))
    draw.line([(vanish * size, y0), (foot * size, size)], fill=(222, 220, 206), width=max(1, size // 50))
    return scene


def wall(rng, size):
    brick, mortar = pick(rng, BRICKS)
    scene = Image.new("RGB", (size, size), jitter(rng, mortar, 10))
    draw = ImageDraw.Draw(scene)
    height = rng.uniform(0.07, 0.14) * size
    width, gap = height * rng.uniform(1.6, 2.6), height * 0.14
    for row in range(int(size / height) + 1):
        x = -width * rng.random() if row % 2 else -width * 0.5
        while x < size:
            y = row * height
            right, bottom = max(x + width, x + gap + 1), max((row + 1) * height, y + gap + 1)
            draw.rectangle([x + gap, y + gap, right, bottom], fill=jitter(rng, brick, 17))
            x += width
    return scene


def street(rng, size):
    top, bottom = pick(rng, SKIES)
    scene = gradient(size, jitter(rng, top, 14), jitter(rng, bottom, 10))
    draw = ImageDraw.Draw(scene)
    x, ground = -0.1, rng.uniform(0.62, 0.8)
    while x < 1:
        width, roof = rng.uniform(0.18, 0.4), rng.uniform(0.05, 0.45)
        front = [v * size for v in (x, roof, x + width, ground)]
        draw.rectangle(front, fill=jitter(rng, pick(rng, HOUSES), 16))
        pane, shade = rng.uniform(0.05, 0.085), jitter(rng, pick(rng, PANES), 12)
        for row in np.arange(roof + 0.04, ground - pane, pane * 1.7):
            for column in np.arange(x + 0.03, x + width - pane * 0.8, pane * 1.4):
                glass = [v * size for v in (column, row, column + pane * 0.7, row + pane)]
                draw.rectangle(glass, fill=shade)
        x += width + rng.uniform(-0.02, 0.05)
    draw.rectangle([0, ground * size, size, size], fill=jitter(rng, (84, 84, 90), 14))
    for stripe in range(6):
        left = stripe / 5 + rng.uniform(-0.03, 0.03)
        corners = [(left, 1), (left + 0.1, 1), (left + 0.06, ground + 0.1), (left, ground + 0.1)]
        draw.polygon([(u * size, v * size) for u, v in corners], fill=(206, 204, 196))
    return scene


def mist(rng, size):
    scene = gradient(size, jitter(rng, (190, 196, 200), 20), jitter(rng, (120, 122, 118), 20))
    scene.paste(jitter(rng, (84, 96, 92), 20), mask=clouds(rng, size, 6))
    draw = ImageDraw.Draw(scene)
    for _ in range(5):
        x, w = rng.uniform(0, 1) * size, rng.uniform(0.01, 0.035) * size
        draw.rectangle([x, rng.uniform(0, 0.25) * size, x + w, size], fill=jitter(rng, (70, 66, 60), 12))
    leaves(rng, draw, size, (0, 0.75, 1, 1.05), GREENS, 45, 0.15)
    return scene


SCENES = [foliage, country, wall, street, mist]


def shadow(rng, size):
    """A soft light-to-dark ramp in a random direction, as a grey multiplier picture."""
    angle, depth = rng.uniform(0, math.tau), rng.uniform(0.0, 0.35)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    ramp = 1 - depth * (0.5 + 0.5 * np.tanh(2 * (x * math.cos(angle) + y * math.sin(angle))))
    return Image.fromarray((255 * ramp).astype(np.uint8))


def place_sign(rng, scene, index, scale):
    size = scene.width
    diameter = int(size * rng.uniform(*scale))
    layer = sign_layer(index, diameter)
    faded = ImageEnhance.Color(layer).enhance(rng.uniform(0.75, 1.1))
    layer = ImageEnhance.Brightness(faded).enhance(rng.uniform(0.75, 1.08))
    squeeze = rng.uniform(0.8, 1)
    layer = layer.resize((max(8, int(diameter * squeeze)), diameter), BICUBIC)
    layer = layer.rotate(rng.normal(0, 8), BICUBIC, expand=True)
    room = max(0, size - diameter)
    x, y = int(rng.uniform(0.02, 0.98) * room), int(rng.uniform(0.02, 0.9) * room)
    draw = ImageDraw.Draw(scene)
    middle, thickness = x + layer.width / 2, diameter * 0.045
    pole = [middle - thickness, y + layer.height / 2, middle + thickness, size]
    draw.rectangle(pole, fill=jitter(rng, (128, 130, 134), 14))
    cast = Image.new("RGBA", layer.size, (10, 12, 10, 0))
    cast.putalpha(layer.getchannel("A").point(lambda v: v // 3).filter(ImageFilter.GaussianBlur(size / 90)))
    scene.paste(cast, (x + size // 50, y + size // 40), cast)
    scene.paste(layer, (x, y), layer)
    return x, y, diameter


def occlude(rng, scene, place):
    """A few leaves over the rim of the sign."""
    x, y, diameter = place
    size, angle = scene.width, rng.uniform(0, math.tau)
    cx, cy = x + diameter * (0.5 + 0.48 * math.cos(angle)), y + diameter * (0.5 + 0.48 * math.sin(angle))
    reach = 0.13 * diameter
    box = tuple(v / size for v in (cx - reach, cy - reach, cx + reach, cy + reach))
    leaves(rng, ImageDraw.Draw(scene), size, box, GREENS, 7, 0.12 * diameter / size)


def draw_picture(rng, index, size=64, oversample=3, scale=(0.4, 0.78), calm=False):
    """An RGB picture, `size` square, of the sign `index`, or of a scene without sign where `index` is None.

    `calm` leaves out occlusion and strong blur.
    """
    large = size * oversample
    scene = pick(rng, SCENES)(rng, large)
    place = None if index is None else place_sign(rng, scene, index, scale)
    if place and not calm and rng.random() < 0.3:
        occlude(rng, scene, place)
    dim = shadow(rng, large // 4).resize((large, large), BICUBIC)
    scene = ImageChops.multiply(scene, Image.merge("RGB", [dim] * 3))
    if rng.random() < 0.2:
        haze = Image.new("RGB", scene.size, jitter(rng, (196, 200, 204), 10))
        scene = Image.blend(scene, haze, rng.uniform(0.1, 0.15 if calm else 0.35))
    scene = scene.resize((size, size), BOX)
    if not calm and rng.random() < 0.35:
        scene = scene.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.9)))
    lit = np.asarray(scene, np.float64) * rng.uniform(0.8, 1.15)
    noise = rng.normal(0, rng.uniform(0.5, 4), (size, size, 3))
    return np.clip(lit + noise, 0, 255).astype(np.uint8)
