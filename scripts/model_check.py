# SPDX-License-Identifier: Apache-2.0
"""Exports classifiers with random weights, runs them in ONNX Runtime and in infenclave, and prints the agreement. Downloads
nothing. Needs a Python with torch, torchvision, timm, transformers, onnx and onnxruntime, for Keras with tensorflow-cpu,
tf2onnx and pillow, for PaddlePaddle paddlepaddle, paddle2onnx, onnx_graphsurgeon and sympy (paddle2onnx would install these
two itself), for PaddleClas paddleclas besides; kinds whose packages are missing are left out. `make model-check
PYTHON=venv/bin/python` runs it; `--only resnet` takes a part. Keras's networks also get a picture: `keras:NAME` is compared
with Keras's own preprocessing. Exits with 1 if one differs or is refused, or none was compared.

`--store-weights bf16` and `int8` check that option: ONNX Runtime gets a file with the weights rounded in the same way.
"""

import argparse
import concurrent.futures
import copy
import importlib.util
import json
import multiprocessing
import pathlib
import subprocess
import sys
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


# Classes of keras.applications, and networks of a few layers with Keras's preprocessing or postprocessing layers.
KERAS = """ConvNeXtTiny DenseNet121 DenseNet169 EfficientNetB0 EfficientNetB1 EfficientNetV2B0 EfficientNetV2S
InceptionResNetV2 InceptionV3 MobileNet MobileNetV2 MobileNetV3Large MobileNetV3Small NASNetMobile ResNet101V2 ResNet50
ResNet50V2 VGG16 VGG19 Xception own-rescaling own-normalization own-resizing own-crop own-crop-to-aspect own-sigmoid
own-argmax own-flat""".split()

# Functions of paddle.vision.models; LeNet takes grey pictures.
PADDLE = """LeNet alexnet densenet121 googlenet inception_v3 mobilenet_v1 mobilenet_v2 mobilenet_v3_large
mobilenet_v3_small resnet18 resnet50 resnext50_32x4d shufflenet_v2_swish shufflenet_v2_x0_5 squeezenet1_0 squeezenet1_1
vgg11 wide_resnet50_2""".split()

# One of each kind of PaddleClas.
PADDLECLAS = """AlexNet BEiTv2_vit_base_patch16_224 CLIP_vit_base_patch32_224 CSPDarkNet53 CSWinTransformer_tiny_224
ConvNeXt_tiny CvT_13_224 DLA34 DPN68 DSNet_tiny DarkNet53 DeiT_tiny_distilled_patch16_224 DeiT_tiny_patch16_224
DenseNet121 ESNet_x0_25 EfficientNetB0 EfficientNetV2_S FasterNet_T0 GhostNet_x0_5 GoogLeNet HRNet_W18_C HarDNet39_ds
InceptionV3 InceptionV4 LeViT_128S MAE_vit_base_patch16 MicroNet_M0 MixNet_S MobileFaceNet MobileNeXt_x0_35
MobileNetV1_x0_25 MobileNetV2_x0_25 MobileNetV3_small_x0_35 MobileNetV4_conv_small MobileNetV4_hybrid_medium
MobileViTV2_x0_5 MobileViTV3_XXS MobileViT_XXS NextViT_small_224 PPHGNetV2_B0 PPHGNet_tiny PPLCNetV2_small PPLCNet_x0_25
PVT_V2_B0 PVT_V2_B2_Linear PeleeNet ReXNet_1_0 RedNet26 RegNetX_200MF RepVGG_A0 Res2Net50_14w_8s Res2Net50_vd_26w_4s
ResNeSt50_fast_1s1x64d ResNeXt50_32x4d ResNet18_vd SE_HRNet_W64_C SE_ResNeXt50_32x4d SE_ResNet18_vd
ShuffleNetV2_x0_25 SqueezeNet1_1 StarNet_S1 SwinTransformerV2_tiny_patch4_window8_256
SwinTransformer_tiny_patch4_window7_224 TNT_small TinyNet_E UniFormer_small VAN_B0 VGG11 ViT_small_patch16_224 WideResNet
Xception41 Xception41_deeplab alt_gvt_small cae_base_patch16_224 pcpvt_small""".split()

PACKAGES = {
    "timm": ["torch", "timm"], "torchvision": ["torch", "torchvision"], "transformers": ["torch", "transformers"],
    "keras": ["tensorflow", "tf2onnx", "PIL"],
    "paddle": ["paddle", "paddle2onnx", "onnx_graphsurgeon", "sympy"],
}
PACKAGES["paddleclas"] = PACKAGES["paddle"] + ["paddleclas"]


def built_keras(name):
    """The network, and its input's shape with the channels last."""
    import tensorflow

    # tf2onnx does not export functions that are compiled by XLA, such as Keras's depthwise convolution.
    function = tensorflow.function
    tensorflow.function = lambda *values, **options: function(*values, **{**options, "jit_compile": None})
    import keras

    tensorflow.function = function
    from keras import layers

    keras.utils.set_random_seed(1)
    if not name.startswith("own-"):
        # MobileNetV3 has no size of its own. tf2onnx takes over 24 GB of memory for VGG's matrix of 25,088 by 4,096, which
        # a picture of this size makes 4,608 by 4,096.
        size = {"MobileNetV3Large": 224, "MobileNetV3Small": 224, "VGG16": 96, "VGG19": 96}.get(name)
        model = getattr(keras.applications, name)(weights=None, **({"input_shape": (size, size, 3)} if size else {}))
        return model, model.input_shape[1:]
    shape = {"own-flat": (784,)}.get(name, (96, 128, 3))
    first = {
        "own-rescaling": [layers.Rescaling(1 / 127.5, offset=-1)],
        "own-normalization": [layers.Normalization(mean=[10, 20, 30], variance=[40, 50, 60])],
        "own-resizing": [layers.Resizing(64, 48)],
        "own-crop": [layers.CenterCrop(64, 80)],
        "own-crop-to-aspect": [layers.Resizing(64, 64, crop_to_aspect_ratio=True)],
    }.get(name, [])
    if name == "own-flat":
        body = [layers.Dense(32, activation="relu"), layers.Dense(10, activation="softmax")]
    else:
        body = [
            layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"), layers.BatchNormalization(),
            layers.SeparableConv2D(16, 3, padding="same", activation="swish"), layers.GlobalAveragePooling2D(),
            layers.Dense(1, activation="sigmoid") if name == "own-sigmoid" else layers.Dense(10, activation="softmax"),
        ]
    if name == "own-argmax":
        body.append(layers.Lambda(lambda x: keras.ops.argmax(x, axis=-1)))
    return keras.Sequential([layers.Input(shape), *first, *body]), shape


def preprocess_keras(name, pixels):
    """The preprocessing of a class of keras.applications."""
    import keras

    modules = {keras.applications.__dict__[m].__dict__.get(name): keras.applications.__dict__[m]
               for m in dir(keras.applications) if hasattr(keras.applications.__dict__[m], "preprocess_input")}
    # Those two classes are in no module of their own.
    modules[keras.applications.MobileNetV3Large] = keras.applications.mobilenet_v3
    modules[keras.applications.MobileNetV3Small] = keras.applications.mobilenet_v3
    return modules[getattr(keras.applications, name)].preprocess_input(pixels.astype(np.float32))


def export_keras(name, path):
    import tensorflow
    import tf2onnx

    import keras

    model, shape = built_keras(name)
    # tf2onnx exports tensors that a layer holds as inputs, and arrays as constants.
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.mean, layer.variance = np.array(layer.mean), np.array(layer.variance)
        # Without statistics of any pictures, values grow from layer to layer until rounding decides the answer.
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    random = np.random.default_rng(1)
    if name.startswith("own-"):
        pictures = random.uniform(-1, 1, (4, *shape)).astype(np.float32)
    else:
        pictures = preprocess_keras(name, random.integers(0, 256, (4, *shape)))
    model(pictures, training=True)
    signature = [tensorflow.TensorSpec((None, *shape), tensorflow.float32, name="input")]
    # Keras 3's models have no output names, which tf2onnx.convert.from_keras asks for.
    function = tensorflow.function(lambda x: model(x, training=False), input_signature=signature)
    tf2onnx.convert.from_function(function, input_signature=signature, opset=17, output_path=path)
    return pictures[:1]


def export_paddle(kind, name, path):
    import paddle

    paddle.seed(1)
    channels, side = 3, 299 if name.lower().startswith(("inception", "xception")) else 224
    if kind == "paddleclas":
        # Its modules import each other from the package's own folder.
        sys.path.append(str(pathlib.Path(importlib.util.find_spec("paddleclas").origin).parent))
        import ppcls.arch.backbone

        model = getattr(ppcls.arch.backbone, name)()
        side = 256 if name.endswith("_256") else side
    elif name == "LeNet":
        model, channels, side = paddle.vision.models.LeNet(), 1, 28
    else:
        model = getattr(paddle.vision.models, name)(pretrained=False)
    model.eval()
    specification = paddle.static.InputSpec([None, channels, side, side], "float32", "x")
    paddle.onnx.export(model, path.removesuffix(".onnx"), input_spec=[specification])
    return np.random.default_rng(1).standard_normal((1, channels, side, side)).astype(np.float32)


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


def use_batch_statistics(model, size):
    """Sets the statistics of batch normalisation to those of four random inputs."""
    import torch

    for normalization in model.modules():
        if isinstance(normalization, torch.nn.modules.batchnorm._BatchNorm):
            normalization.train()
            normalization.momentum = 1.0
    model(torch.randn(4, *size))
    model.eval()


def rounding_error(model, x):
    """The largest difference between the answers in single and double precision, relative to the largest of them."""
    try:
        expected = copy.deepcopy(model).double()(x.double())
    except RuntimeError:  # Some networks convert to single precision inside.
        return 0
    return ((model(x) - expected).abs().max() / expected.abs().max()).item()


def exported(*arguments):
    """`export` in a process of its own, as frameworks keep earlier networks in memory."""
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        x, error = process.submit(export_or_error, *arguments).result()
    if x is None:
        raise RuntimeError(error)
    return x


def export_or_error(*arguments):
    """Some errors of exporters cannot be sent to another process."""
    try:
        return export(*arguments), None
    except Exception as error:
        return None, str(error)


def export(kind, name, path, dynamo):
    if kind == "keras":
        return export_keras(name, path)
    if kind.startswith("paddle"):
        return export_paddle(kind, name, path)
    import torch

    torch.manual_seed(1)
    torch.backends.mha.set_fastpath_enabled(False)  # The exporter supports only the plain path.
    model, size = built(kind, name)
    x = torch.randn(1, *size)
    with torch.no_grad():
        # Heads, scales of residual branches and others are initialised at or near 0, which would hide errors before
        # them.
        for parameter in model.parameters():
            if parameter.min() == parameter.max() and parameter.abs().max() <= 1e-3:
                parameter.uniform_(-0.2, 0.2)
        # Values that grow from layer to layer can let rounding decide the answer, as in timm's tf_efficientnetv2_s, where
        # ONNX Runtime's is 2 % from that in double precision.
        if rounding_error(model, x) > 1e-4:
            use_batch_statistics(model, size)
        if dynamo:
            torch.onnx.export(model, (x,), path, dynamo=True, verbose=False)
        else:
            # When optimum exports networks of transformers, all axes of the input are dynamic.
            axes = {"input": {0: "batch", 1: "channels", 2: "height", 3: "width"}} if kind == "transformers" else None
            torch.onnx.export(
                model, (x,), path, dynamo=False, opset_version=17 if axes else 18, input_names=["input"],
                dynamic_axes=axes)
    return x.numpy()


def rounded_to_bf16(values):
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & np.uint32(0xFFFF0000)).astype(np.uint32).view(np.float32)


def rounded_to_int8(values, axis):
    """Integers from -127 to 127 times a scale of each index of the axis, which has 17 significant bits.

    Of fewer than 32 values for each index they stay as they are.
    """
    if values.size < 32 * values.shape[axis]:
        return values
    largest = np.abs(values).max(tuple(a for a in range(values.ndim) if a != axis), keepdims=True)
    scales = largest / np.float32(127)
    scales = np.where(scales < np.finfo(np.float32).tiny, np.float32(1), scales)
    scales = ((scales.view(np.uint32) + 0x7F) & ~np.uint32(0x7F)).view(np.float32)
    return np.rint(values / scales) * scales


def rounded(path, target, kind):
    """A copy of the model whose products' weights, of two axes or more, are rounded."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(path)
    axes = {}
    for node in model.graph.node:
        if node.op_type not in ("Conv", "MatMul", "Gemm"):
            continue
        if kind == "bf16":
            axes.update(dict.fromkeys(node.input[:2], 0))
            continue
        transposes = node.op_type == "Gemm" and any(a.name == "transB" and a.i for a in node.attribute)
        axes[node.input[1]] = 0 if node.op_type == "Conv" or transposes else -1
    for tensor in model.graph.initializer:
        if tensor.name in axes and len(tensor.dims) >= 2 and tensor.data_type == onnx.TensorProto.FLOAT:
            values = numpy_helper.to_array(tensor)
            new = rounded_to_bf16(values) if kind == "bf16" else rounded_to_int8(values, axes[tensor.name] % values.ndim)
            tensor.CopyFrom(numpy_helper.from_array(new, tensor.name))
    onnx.save(model, target)


def ran(program, path, arguments, expected, folder):
    begin = time.time()
    run = subprocess.run(
        [program, "run", str(path), "--output", str(folder / "output.npy"), "--json", *arguments],
        capture_output=True, text=True)
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


def check(program, path, x, folder, picture=None, store_weights="f32"):
    """One run with a tensor; with `picture`, a class of keras.applications, one more with a picture."""
    import onnxruntime

    reference = path
    if store_weights != "f32":
        reference = folder / "rounded.onnx"
        rounded(path, reference, store_weights)
    session = onnxruntime.InferenceSession(str(reference), providers=["CPUExecutionProvider"])

    def expected(x):
        return session.run(None, {session.get_inputs()[0].name: x})[0]

    np.save(folder / "input.npy", x)
    # PaddlePaddle's GoogLeNet has three outputs of scores.
    output = ["--output", session.get_outputs()[0].name] if len(session.get_outputs()) > 1 else []
    result = ran(
        program, path, ["--input", str(folder / "input.npy"), "--shape", ",".join(map(str, x.shape)),
                        "--store-weights", store_weights, *output], expected(x), folder)
    if picture is None or result[0] != "agrees":
        return result
    import keras

    pixels = np.random.default_rng(2).integers(0, 256, x.shape[1:], dtype=np.uint8)
    keras.utils.save_img(folder / "picture.png", pixels, scale=False)
    tensor = preprocess_keras(picture, pixels[None])
    with_picture = ran(
        program, path, ["--input", str(folder / "picture.png"), "--preprocess", f"keras:{picture}",
                        "--store-weights", store_weights], expected(tensor), folder)
    return (with_picture[0], f"{result[1]}, picture {with_picture[1]}", result[2] + with_picture[2])


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("program", help="the infenclave executable")
    arguments.add_argument("--only", default="", help="names that contain this")
    arguments.add_argument("--kind", default="", help="timm, torchvision, transformers, keras, paddle or paddleclas")
    arguments.add_argument("--dynamo", action="store_true", help="export with torch.export")
    arguments.add_argument("--keep", help="a folder for the exported files")
    arguments.add_argument("--store-weights", default="f32", choices=["f32", "bf16", "int8"], help="with rounded weights")
    options = arguments.parse_args()
    counts = {}
    names = [("timm", name) for name in TIMM] + [("torchvision", name) for name in TORCHVISION]
    names += [("transformers", name) for name in TRANSFORMERS] + [("keras", name) for name in KERAS]
    names += [("paddle", name) for name in PADDLE] + [("paddleclas", name) for name in PADDLECLAS]
    missing = {kind: [package for package in packages if importlib.util.find_spec(package) is None]
               for kind, packages in PACKAGES.items()}
    for kind, packages in missing.items():
        if packages and options.kind in ("", kind):
            print(f"{kind:12} left out: no {', '.join(packages)}", flush=True)
    for kind, name in names:
        if options.only not in name or options.kind not in ("", kind) or missing[kind]:
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
                    x = exported(kind, name, str(path), options.dynamo)
                    if options.keep:
                        np.save(stored, x)
                import onnxruntime

                session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
                answers = session.run(None, {session.get_inputs()[0].name: x})
                if not np.isfinite(answers[0]).all():
                    raise ValueError("with these random weights the answer is not finite")
                if answers[0].size > 1 and len(np.unique(answers[0])) <= 2:
                    raise ValueError("with these random weights the answer says nothing, as all scores are equal or 0")
            except Exception as error:  # A failure of the exporter or of ONNX Runtime is not one of this project.
                result = ("not exported", str(error).split("\n")[0][:160], 0)
            else:
                picture = name if kind == "keras" and not name.startswith("own-") else None
                result = check(options.program, path, x, folder, picture, options.store_weights)
        counts[(kind, result[0])] = counts.get((kind, result[0]), 0) + 1
        print(f"{kind:12} {name:36} {result[0]:12} {result[2]:6.1f} s  {result[1]}", flush=True)
    for (kind, verdict), count in sorted(counts.items()):
        print(f"{kind}: {count} {verdict}")
    if not any(verdict == "agrees" for _, verdict in counts) or any(verdict in ("differs", "refused") for _, verdict in counts):
        sys.exit(1)


if __name__ == "__main__":
    main()
