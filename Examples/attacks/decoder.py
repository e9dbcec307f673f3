# SPDX-License-Identifier: Apache-2.0
"""An attack on a cut: a network that learns to reconstruct the picture from the boundary tensors.

Reads the folder that `infenclave features` wrote, trains on the pictures that split.json lists as training, and measures R²
on those listed as test. Maps get a convolutional decoder, vectors a multilayer perceptron. Writes a result for `infenclave
assess --attack NAME=RESULT.json`.
"""

import argparse
import copy
import json
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def read(folder, side):
    """Features (standardised by the training pictures), pictures in [0, 1] of at most `side` pixels, and the split."""
    split = json.loads((folder / "split.json").read_text())
    if split["version"] != 1:
        raise SystemExit(f"{folder}/split.json has version {split['version']}, expected 1")
    features = torch.from_numpy(np.load(folder / "features.npy"))
    if (folder / "tokens.npy").exists():
        # A class token says something of every place: its elements are constant maps.
        tokens = torch.from_numpy(np.load(folder / "tokens.npy")).flatten(1)[:, :, None, None]
        features = torch.cat([features, tokens.expand(-1, -1, *features.shape[2:])], 1)
    pictures = np.load(folder / "pictures.npy", mmap_mode="r")
    height, width = (min(side, extent) for extent in pictures.shape[1:3])
    small = [functional.adaptive_avg_pool2d(torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255, (height, width))
             for picture in pictures]
    learned = features[split["training"]]
    axes = (0, 2, 3) if features.ndim == 4 else 0
    mean, deviation = learned.mean(axes, keepdim=True), learned.std(axes, keepdim=True)
    return (features - mean) / (deviation + 1e-6), torch.stack(small), split


class Decoder(nn.Module):
    """Reconstructs the difference from the mean picture."""

    def __init__(self, features, mean, width=48):
        super().__init__()
        self.register_buffer("mean", mean)
        channels, height, breadth = mean.shape
        if features.ndim == 4:
            blocks, count, extent = [], features.shape[1], features.shape[2]
            while True:
                blocks += [nn.Conv2d(count, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
                count, extent = width, 2 * extent
                if extent > height:
                    break
                blocks += [nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)]
            self.layers = nn.Sequential(*blocks, nn.Conv2d(width, channels, 3, padding=1))
        else:
            coarse = (min(16, height), min(16, breadth))
            self.layers = nn.Sequential(
                nn.Linear(features.shape[1], 512), nn.ReLU(), nn.Dropout(0.3), nn.Linear(512, 512), nn.ReLU(),
                nn.Dropout(0.3), nn.Linear(512, channels * coarse[0] * coarse[1]), nn.Unflatten(1, (channels, *coarse)))
        # It starts at the mean picture.
        last = [layer for layer in self.layers if isinstance(layer, (nn.Conv2d, nn.Linear))][-1]
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, features):
        drawn = self.layers(features)
        return self.mean + functional.interpolate(
            drawn, self.mean.shape[1:], mode="bilinear", align_corners=False)


def learn(features, pictures, training, epochs, generator):
    """The decoder of the best epoch, by a fifth of the training pictures that is held out."""
    order = torch.tensor(training)[torch.randperm(len(training), generator=generator)]
    held, fitting = order[:max(1, len(order) // 5)], order[max(1, len(order) // 5):]
    decoder = Decoder(features, pictures[fitting].mean(0))
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=1e-3, weight_decay=1e-2)
    best, chosen = errors(decoder, features, pictures, held).mean().item(), copy.deepcopy(decoder.state_dict())
    for epoch in range(epochs):
        decoder.train()
        # A batch of one has no statistics to normalise by.
        for batch in torch.randperm(len(fitting), generator=generator).split(32):
            if len(batch) == 1:
                continue
            optimizer.zero_grad()
            loss = functional.mse_loss(decoder(features[fitting[batch]]), pictures[fitting[batch]])
            loss.backward()
            optimizer.step()
        error = errors(decoder, features, pictures, held).mean().item()
        if error < best:
            best, chosen = error, copy.deepcopy(decoder.state_dict())
        if (epoch + 1) % 20 == 0:
            print(f"epoch {epoch + 1}: squared error {error:.4f} on {len(held)} pictures, best {best:.4f}", flush=True)
    decoder.load_state_dict(chosen)
    return decoder


@torch.no_grad()
def errors(decoder, features, pictures, chosen):
    """Mean squared error of each picture."""
    decoder.eval()
    drawn = torch.cat([decoder(features[batch]) for batch in torch.as_tensor(chosen).split(64)])
    return (drawn.clamp(0, 1) - pictures[chosen]).square().mean((1, 2, 3))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="what `infenclave features` wrote")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="RESULT.json")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--side", type=int, default=56, help="pixels of the longest side that is drawn")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    generator = torch.Generator().manual_seed(options.seed)
    features, pictures, split = read(options.folder, options.side)
    training, test = split["training"], split["test"]
    decoder = learn(features, pictures, training, options.epochs, generator)

    own = errors(decoder, features, pictures, test).double()
    # R² is relative to the mean training picture: 1 is exact, 0 no better than the mean.
    mean = pictures[training].mean(0)
    base = (pictures[test] - mean).square().mean((1, 2, 3)).double()
    draws = torch.randint(len(test), (2000, len(test)), generator=generator)
    value = 1 - (own.sum() / base.sum()).item()
    error = (1 - own[draws].sum(1) / base[draws].sum(1)).std().item()
    print(f"R² {value:.3f} ± {error:.3f} on {len(test)} pictures that were not learned from")
    kind = "convolutional decoder" if features.ndim == 4 else "multilayer perceptron"
    options.out.write_text(json.dumps({
        "version": 1, "modelSHA256": split["modelSHA256"], "cut": split["cut"], "asset": "appearance",
        "value": min(1, max(0, value)), "error": min(1, error), "trainingPictures": len(training),
        "testPictures": len(test),
        "description": f"{kind} in PyTorch, {options.epochs} epochs, {pictures.shape[2]}x{pictures.shape[3]} pixels",
    }, indent=2) + "\n")
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
