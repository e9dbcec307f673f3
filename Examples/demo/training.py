# SPDX-License-Identifier: Apache-2.0
"""Augmentation and training. Everything random comes from the seed."""

import time

import jax
import jax.numpy as jnp
import numpy as np

MEAN, DEVIATION = 128.0, 64.0


def normalised(pixels):
    return (pixels - MEAN) / DEVIATION


def uniform(key, count, low, high, channels=1):
    return jax.random.uniform(key, (count, 1, 1, channels), minval=low, maxval=high)


def shifted(key, pictures, reach=3):
    count, side = pictures.shape[:2]
    padded = jnp.pad(pictures, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="reflect")
    corners = jax.random.randint(key, (count, 2), 0, 2 * reach + 1)
    return jax.vmap(lambda p, c: jax.lax.dynamic_slice(p, (c[0], c[1], 0), (side, side, 3)))(padded, corners)


def relit(key, pictures):
    """Shifted pictures with other brightness, contrast and tint, pixels 0...255."""
    keys = jax.random.split(key, 4)
    count = pictures.shape[0]
    tinted = shifted(keys[0], pictures) * uniform(keys[1], count, 0.85, 1.15, 3)
    contrast, light = uniform(keys[2], count, 0.6, 1.35), uniform(keys[3], count, -40, 40)
    return (tinted - 110) * contrast + 110 + light


def coarse(pictures, cells):
    count, side, _, channels = pictures.shape
    small = jax.image.resize(pictures, (count, cells, cells, channels), "linear")
    return jax.image.resize(small, (count, side, side, channels), "linear")


def as_feature_maps(key, pictures, labels, none):
    """For the validator, which has to classify grey feature maps: a part of the batch becomes grey, scaled to 0...255,
    sometimes negative or coarse. Grey pictures of 8x8 cells or fewer show no sign, and get that label."""
    keys = jax.random.split(key, 5)
    count = pictures.shape[0]
    pictures = relit(keys[0], pictures)
    kind = jax.random.randint(keys[1], (count, 1, 1, 1), 0, 20)
    weights = jax.random.dirichlet(keys[2], jnp.ones(3), (count, 1, 1))
    grey = (pictures * weights).sum(-1, keepdims=True)
    resized = [grey, coarse(grey, 32), coarse(grey, 16), coarse(grey, 8), coarse(grey, 4)]
    step = jnp.array([0] * 12 + [0, 0, 0, 1, 1, 2, 3, 4])[kind]
    grey = sum(jnp.where(step == i, value, 0) for i, value in enumerate(resized))
    low, high = grey.min((1, 2), keepdims=True), grey.max((1, 2), keepdims=True)
    grey = 255 * (grey - low) / jnp.maximum(high - low, 1)
    grey = jnp.where(jax.random.bernoulli(keys[3], 0.4, (count, 1, 1, 1)), 255 - grey, grey)
    labels = jnp.where(step[:, 0, 0, 0] >= 3, none, labels)
    return jnp.where(kind >= 12, grey, pictures), labels


def train(net, pictures, labels, epochs, seed, augment, batch=64, peak=4e-3, say=print):
    """Adam with a cosine schedule. Returns parameters and statistics. `augment(key, pixels, labels)`."""
    parameters, statistics = net.parameters, net.statistics
    moments = jax.tree.map(lambda value: (jnp.zeros_like(value), jnp.zeros_like(value)), parameters)
    steps = epochs * (len(pictures) // batch)

    def loss(parameters, statistics, key, pixels, labels):
        pixels, labels = augment(key, pixels.astype(jnp.float32), labels)
        logits, updated = net.forward(parameters, statistics, normalised(pixels), training=True)
        score = jax.nn.log_softmax(logits)
        return -jnp.take_along_axis(score, labels[:, None], 1).mean(), updated

    @jax.jit
    def step(parameters, statistics, moments, number, pixels, labels):
        key = jax.random.fold_in(jax.random.key(seed), number)
        value = jax.value_and_grad(loss, has_aux=True)
        (cost, statistics), slopes = value(parameters, statistics, key, pixels, labels)
        rate = peak * jnp.minimum(1, (number + 1) / 60) * (0.5 + 0.5 * jnp.cos(jnp.pi * number / steps))
        fresh, kept = {}, {}
        for name, weight in parameters.items():
            first = 0.9 * moments[name][0] + 0.1 * slopes[name]
            second = 0.999 * moments[name][1] + 0.001 * slopes[name] ** 2
            move = first / (1 - 0.9 ** (number + 1)) / (jnp.sqrt(second / (1 - 0.999 ** (number + 1))) + 1e-8)
            decay = 1e-2 * weight if name.endswith(".weight") else 0
            fresh[name], kept[name] = weight - rate * (move + decay), (first, second)
        return fresh, statistics, kept, cost

    rng, number, started = np.random.default_rng(seed), 0, time.monotonic()
    for epoch in range(epochs):
        order, costs = rng.permutation(len(pictures)), []
        for start in range(0, len(order) - batch + 1, batch):
            chosen = order[start : start + batch]
            state = (parameters, statistics, moments)
            parameters, statistics, moments, cost = step(*state, number, pictures[chosen], labels[chosen])
            costs.append(cost)
            number += 1
        say(f"  epoch {epoch + 1}/{epochs}: loss {np.mean(costs):.3f}, {time.monotonic() - started:.0f} s", flush=True)
    return parameters, statistics
