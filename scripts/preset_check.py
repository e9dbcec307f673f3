# SPDX-License-Identifier: Apache-2.0
"""Compares the preprocessing with the transforms of torchvision, timm and transformers.

Every set of weights of torchvision's classifiers (`--preprocess torchvision:NAME:WEIGHTS`), configurations of timm
(config.json) and image processors of transformers (preprocessor_config.json), with upright, wide and grey pictures of odd
sizes. Downloads nothing. Needs a Python with onnx and pillow, and the libraries to compare. Exits with 1
if one differs or is refused, or none was compared.
`make preset-check PYTHON=venv/bin/python` runs it; `--only resnet` takes a part.
"""

import argparse
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np

warnings.filterwarnings("ignore")

TIMM = """beit_base_patch16_224 convnext_tiny deit3_small_patch16_224 dm_nfnet_f0 efficientnet_b0 eva02_tiny_patch14_224
inception_resnet_v2 inception_v3 levit_128s mixer_b16_224 mobilenetv3_large_100 mobilevit_xxs resnet50 resnetv2_50x1_bit
swin_tiny_patch4_window7_224 tf_efficientnet_b0 tresnet_m vit_base_patch16_clip_224 vit_small_patch14_dinov2""".split()

# Settings that no network above has.
TIMM_SETTINGS = [
    {"crop_pct": 0.95, "crop_mode": "squash"}, {"crop_pct": 0.9, "interpolation": "", "mean": []},
    {"crop_pct": 1.0, "crop_mode": "border", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
]

# Pictures are resized by Pillow here; the processors that use torchvision for it differ from those in single levels.
TRANSFORMERS = """BeitImageProcessorPil BitImageProcessorPil BlipImageProcessorPil CLIPImageProcessorPil
ChineseCLIPImageProcessorPil ConvNextImageProcessorPil DPTImageProcessorPil DeiTImageProcessorPil
EfficientNetImageProcessorPil FlavaImageProcessorPil LevitImageProcessorPil MobileNetV1ImageProcessorPil
MobileNetV2ImageProcessorPil MobileViTImageProcessorPil PoolFormerImageProcessorPil PvtImageProcessorPil
SegformerImageProcessorPil SiglipImageProcessorPil ViTImageProcessorPil""".split()
# Settings of checkpoints, for classes whose defaults no checkpoint uses.
SETTINGS = {
    "ConvNextImageProcessorPil": {"size": {"shortest_edge": 224}}, "MobileViTImageProcessorPil": {"size": {"shortest_edge": 288}},
}

# Width and height; the longer side of the first leaves 386.97 pixels where the shorter one leaves 256.
SIZES = [(301, 455, "RGB"), (641, 333, "RGB"), (511, 700, "L")]


def pictures():
    from PIL import Image

    random = np.random.default_rng(1)
    for index, (width, height, mode) in enumerate(SIZES):
        shape = (height, width, 3) if mode == "RGB" else (height, width)
        coarse = random.integers(0, 256, (height // 16 + 1, width // 16 + 1) + shape[2:])
        smooth = np.kron(coarse, np.ones((16, 16) + (1,) * (len(shape) - 2)))[:height, :width]
        pixels = (smooth + random.integers(-40, 40, shape)).clip(0, 255).astype(np.uint8)
        yield index, Image.fromarray(pixels, mode)


def resize_rows_first():
    """Pillow 13 resizes columns first where the height loses over twice the pixels of the width; this tool never does."""
    from PIL import Image

    whole = Image.Image.resize

    def resize(image, size, *arguments, **options):
        if size[0] != image.width and size[1] != image.height and options.get("box") is None and len(arguments) < 2:
            image = whole(image, (size[0], image.height), *arguments, **options)
        return whole(image, size, *arguments, **options)

    Image.Image.resize = resize


def torchvision_cases(folder):
    import torchvision

    for name in torchvision.models.list_models(module=torchvision.models):
        for weights in torchvision.models.get_model_weights(name):
            transforms = weights.transforms()
            yield f"torchvision:{name}:{weights.name}", None, lambda image: transforms(image).numpy()


def timm_cases(folder):
    import timm

    cases = [(name, timm.models.get_pretrained_cfg(name).to_dict()) for name in TIMM]
    cases += [(json.dumps(settings), {"input_size": [3, 224, 224], **settings}) for settings in TIMM_SETTINGS]
    for name, settings in cases:
        file = folder / "config.json"
        configuration = {key: value for key, value in settings.items() if value is not None}
        file.write_text(json.dumps({"architecture": "a", "pretrained_cfg": configuration}))
        transforms = timm.data.create_transform(**timm.data.resolve_data_config(pretrained_cfg=settings))
        yield f"timm {name}", file, lambda image: transforms(image).numpy()


def transformers_cases(folder):
    import transformers

    for name in TRANSFORMERS:
        if not hasattr(transformers, name):
            print(f"transformers {name} left out: this version has none")
            continue
        processor = getattr(transformers, name)(**SETTINGS.get(name, {}))
        processor.save_pretrained(folder)
        yield f"transformers {name}", folder / "preprocessor_config.json", lambda image: np.asarray(
            processor(image)["pixel_values"][0])


def write_mirror(path, shape):
    """A model that returns its input."""
    import onnx
    from onnx import TensorProto, helper

    count = int(np.prod(shape))
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["x"], ["y"])], "mirror",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *shape])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, count])])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def compared(program, preprocess, transform, folder):
    worst = 0.0
    for index, image in pictures():
        expected = transform(image.convert("RGB"))
        image.save(folder / f"{index}.png")
        write_mirror(folder / "mirror.onnx", expected.shape)
        run = subprocess.run(
            [program, "run", str(folder / "mirror.onnx"), "--input", str(folder / f"{index}.png"), "--preprocess",
             preprocess, "--output", str(folder / "seen.npy")], capture_output=True, text=True)
        if run.returncode:
            return "refused", run.stderr.strip().replace(str(folder), "")[:300]
        worst = max(worst, float(np.abs(np.load(folder / "seen.npy").reshape(expected.shape) - expected).max()))
    # A pixel that is off by one differs by 1/255 or more.
    return "agrees" if worst <= 1e-4 else "differs", f"{worst:.1e}"


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("program", help="the infenclave executable")
    arguments.add_argument("--only", default="", help="names that contain this")
    options = arguments.parse_args()
    resize_rows_first()
    counts = {}
    for library, cases in (("torchvision", torchvision_cases), ("timm", timm_cases), ("transformers", transformers_cases)):
        if importlib.util.find_spec(library) is None:
            print(f"{library} left out: it is not installed")
            continue
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary)
            for name, file, transform in cases(folder):
                if options.only not in name:
                    continue
                verdict, detail = compared(options.program, str(file or name), transform, folder)
                counts[(library, verdict)] = counts.get((library, verdict), 0) + 1
                print(f"{name:64} {verdict:8} {detail}", flush=True)
    for (library, verdict), count in sorted(counts.items()):
        print(f"{library}: {count} {verdict}")
    if not counts or any(verdict != "agrees" for _, verdict in counts):
        sys.exit(1)


if __name__ == "__main__":
    main()
