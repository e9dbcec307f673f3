# SPDX-License-Identifier: Apache-2.0
"""Exports classifiers with random weights, runs them in ONNX Runtime and in infenclave, and prints what agrees.

Downloads nothing. Needs a Python with torch, torchvision, timm, transformers, onnx and onnxruntime; what is missing is left
out. `make model-check PYTHON=venv/bin/python` runs it; `--only resnet` takes a part.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")

TIMM = """beit_base_patch16_224 botnet26t_256 caformer_s18 cait_xxs24_224 coat_tiny coatnet_0_rw_224 convit_tiny
convmixer_768_32 convnext_atto convnextv2_atto crossvit_9_240 cs3darknet_m cspresnet50 davit_tiny deit3_small_patch16_224
deit_tiny_distilled_patch16_224 densenet121 dla34 dm_nfnet_f0 dpn68 eca_halonext26ts eca_nfnet_l0 edgenext_xx_small
efficientformer_l1 efficientformerv2_s0 efficientnet_b0 efficientvit_b0 efficientvit_m0 ese_vovnet19b_dw
eva02_tiny_patch14_224 fastvit_t8 focalnet_tiny_srf gcresnext26ts gcvit_xxtiny gernet_s ghostnet_100 ghostnetv2_100
haloregnetz_b hardcorenas_a hgnet_tiny hgnetv2_b0 hiera_tiny_224 hrnet_w18_small inception_next_tiny inception_resnet_v2
inception_v3 inception_v4 lambda_resnet26t lcnet_050 legacy_seresnet18 levit_128s maxvit_tiny_rw_224 mixer_s32_224
mixnet_s mnasnet_small mobilenetv2_050 mobilenetv3_small_050 mobilenetv4_conv_small mobileone_s0 mobilevit_xxs
mobilevitv2_050 mvitv2_tiny nasnetalarge nest_tiny nextvit_small nf_regnet_b1 pit_ti_224 pnasnet5large poolformer_s12
poolformerv2_s12 pvt_v2_b0 regnetx_002 regnety_002 regnetz_b16 repghostnet_050 repvgg_a0 repvit_m0_9 res2net50_26w_4s
resmlp_12_224 resnest14d resnet18 resnet50d resnetaa50 resnetblur50 resnetrs50 resnetv2_50 resnetv2_50x1_bit rexnet_100
samvit_base_patch16 selecsls42b sequencer2d_s shvit_s1 skresnet18 starnet_s1 swiftformer_xs swin_tiny_patch4_window7_224
swinv2_cr_tiny_224 swinv2_tiny_window8_256 tf_efficientnet_b0 tf_efficientnetv2_s tf_mobilenetv3_small_075 tiny_vit_5m_224
tinynet_e tnt_s_patch16_224 tresnet_m twins_svt_small vgg11 visformer_tiny vit_base_patch32_224
vit_base_r26_s32_224 vit_relpos_small_patch16_224 vit_small_patch14_dinov2 vit_tiny_patch16_224 volo_d1_224
xception41 xception65 xcit_nano_12_p16_224""".split()

TORCHVISION = """alexnet convnext_tiny densenet121 efficientnet_b0 efficientnet_v2_s googlenet inception_v3 maxvit_t
mnasnet0_5 mobilenet_v2 mobilenet_v3_small regnet_x_400mf regnet_y_400mf resnet18 resnext50_32x4d shufflenet_v2_x0_5
squeezenet1_1 swin_t swin_v2_t vgg11_bn vit_b_32 wide_resnet50_2""".split()

# Hugging Face's, with three layers of each where the configuration says how many; exported with all axes open, as optimum
# does.
TRANSFORMERS = """BeitForImageClassification BitForImageClassification CLIPForImageClassification
ConvNextForImageClassification CvtForImageClassification Data2VecVisionForImageClassification
DeiTForImageClassification Dinov2ForImageClassification EfficientNetForImageClassification FocalNetForImageClassification
HieraForImageClassification LevitForImageClassification MobileNetV1ForImageClassification
MobileNetV2ForImageClassification MobileViTForImageClassification MobileViTV2ForImageClassification
PoolFormerForImageClassification PvtForImageClassification PvtV2ForImageClassification RegNetForImageClassification
ResNetForImageClassification SiglipForImageClassification SwiftFormerForImageClassification
SwinForImageClassification Swinv2ForImageClassification ViTForImageClassification
ViTMSNForImageClassification""".split()


def built_transformer(name):
    import torch
    import transformers

    cls = getattr(transformers, name)
    configuration = cls.config_class()
    inner = getattr(configuration, "vision_config", None)
    for part in [configuration, inner]:
        layers = getattr(part, "num_hidden_layers", None)
        if isinstance(layers, int) and not getattr(part, "depths", None):
            part.num_hidden_layers = min(layers, 3)
    configuration.num_labels = 10
    whole = cls._from_config(configuration, attn_implementation="eager").eval()

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.whole = whole

        def forward(self, pixel_values):
            return self.whole(pixel_values=pixel_values).logits

    size = getattr(inner or configuration, "image_size", 224) or 224
    side = size[0] if isinstance(size, (list, tuple)) else size
    return Logits().eval(), (getattr(inner or configuration, "num_channels", 3), side, side)


def built(kind, name):
    if kind == "transformers":
        return built_transformer(name)
    if kind == "timm":
        import timm

        model = timm.create_model(name, pretrained=False).eval()
        return model, model.default_cfg["input_size"]
    import torchvision

    settings = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    model = getattr(torchvision.models, name)(weights=None, **settings).eval()
    return model, (3, 299, 299) if name == "inception_v3" else (3, 224, 224)


def export(kind, name, path, dynamo):
    import torch

    torch.manual_seed(1)
    torch.backends.mha.set_fastpath_enabled(False)  # The exporter knows the plain path.
    model, size = built(kind, name)
    x = torch.randn(1, *size)
    with torch.no_grad():
        if dynamo:
            torch.onnx.export(model, (x,), path, dynamo=True, verbose=False)
        else:
            # Where transformers' networks are exported by optimum, all axes of the input are open.
            axes = {"input": {0: "batch", 1: "channels", 2: "height", 3: "width"}} if kind == "transformers" else None
            torch.onnx.export(
                model, (x,), path, dynamo=False, opset_version=17 if axes else 18, input_names=["input"],
                dynamic_axes=axes)
    return x.numpy()


def check(program, path, x, folder):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    expected = session.run(None, {session.get_inputs()[0].name: x})[0]
    np.save(folder / "input.npy", x)
    begin = time.time()
    run = subprocess.run(
        [program, "run", str(path), "--input", str(folder / "input.npy"), "--output", str(folder / "output.npy"),
         "--shape", ",".join(map(str, x.shape)), "--json"], capture_output=True, text=True)
    seconds = time.time() - begin
    if run.returncode:
        try:
            message = json.loads(run.stdout)["error"]["message"]
        except (ValueError, KeyError):
            message = run.stderr.strip() or f"exit status {run.returncode}"
        return "refused", message.replace(str(path), "")[:300], seconds
    output = np.load(folder / "output.npy")
    if output.shape != expected.shape:
        return "differs", f"shape {output.shape}, expected {expected.shape}", seconds
    difference = float(np.abs(output - expected).max() / max(np.abs(expected).max(), 1e-30))
    return "agrees" if difference <= 1e-4 else "differs", f"{difference:.1e}", seconds


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("program", help="the infenclave executable")
    arguments.add_argument("--only", default="", help="names that contain this")
    arguments.add_argument("--kind", default="", help="timm, torchvision or transformers")
    arguments.add_argument("--dynamo", action="store_true", help="export with torch.export")
    arguments.add_argument("--keep", help="a folder for the exported files")
    options = arguments.parse_args()
    counts = {}
    names = [("timm", name) for name in TIMM] + [("torchvision", name) for name in TORCHVISION]
    names += [("transformers", name) for name in TRANSFORMERS]
    for kind, name in names:
        if options.only not in name or options.kind not in kind:
            continue
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary)
            kept = pathlib.Path(options.keep) if options.keep else folder
            path = kept / f"{kind}-{name}.onnx"
            try:
                stored = path.with_suffix(".npy")
                if path.exists() and stored.exists():
                    x = np.load(stored)
                else:
                    x = export(kind, name, str(path), options.dynamo)
                    if options.keep:
                        np.save(stored, x)
            except Exception as error:  # What the exporter cannot do is not ours.
                result = ("not exported", str(error).split("\n")[0][:160], 0)
            else:
                result = check(options.program, path, x, folder)
        counts[(kind, result[0])] = counts.get((kind, result[0]), 0) + 1
        print(f"{kind:12} {name:36} {result[0]:12} {result[2]:6.1f} s  {result[1]}", flush=True)
    for (kind, verdict), count in sorted(counts.items()):
        print(f"{kind}: {count} {verdict}")


if __name__ == "__main__":
    main()
