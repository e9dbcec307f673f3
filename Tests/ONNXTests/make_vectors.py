# SPDX-License-Identifier: Apache-2.0
"""Models of one operator each, with the answers of ONNX Runtime: Fixtures/operators.json.

Operators on constants are added to an input of one zero, so that the importer has to compute them; live ones take the
input. Needs onnx and onnxruntime.
"""

import base64
import json
import pathlib

import numpy as np
import onnx
import onnx.reference
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent / "Fixtures"
random = np.random.default_rng(1)
cases = []


def array(*shape):
    return random.standard_normal(shape).astype(np.float32)


def integers(*values):
    return np.array(values, np.int64)


def add(name, nodes, given, constants, opset=18, functions=(), domains=()):
    inputs = [helper.make_tensor_value_info(key, TensorProto.FLOAT, value.shape) for key, value in given.items()]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    initializers = [numpy_helper.from_array(np.array(value, order="C"), key) for key, value in constants.items()]
    graph = helper.make_graph(nodes, "g", inputs, [output], initializers)
    imports = [helper.make_opsetid("", opset)] + [helper.make_opsetid(domain, 1) for domain in domains]
    model = helper.make_model(graph, opset_imports=imports, functions=functions, ir_version=10)
    content = model.SerializeToString()
    if opset > 24:  # ONNX Runtime 1.32 lacks the newest forms; ONNX's own implementation has them.
        expected = onnx.reference.ReferenceEvaluator(model).run(None, given)[0]
    else:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        expected = session.run(None, given)[0]
    cases.append({
        "name": name, "model": base64.b64encode(content).decode(),
        "inputs": [{"name": key, "shape": value.shape, "values": value.ravel().tolist()} for key, value in given.items()],
        "shape": expected.shape, "values": [float(value) for value in expected.ravel()]})


def constant(operator, *operands, outputs=1, opset=18, label="", **attributes):
    """y = zero + float(operator(operands)), of its last output."""
    names = [f"c{index}" if operand is not None else "" for index, operand in enumerate(operands)]
    made = [f"m{index}" for index in range(outputs)]
    nodes = [
        helper.make_node(operator, names, made, **attributes),
        helper.make_node("Cast", [made[-1]], ["f"], to=TensorProto.FLOAT), helper.make_node("Add", ["f", "zero"], ["y"])]
    values = {key: operand for key, operand in zip(names, operands) if key}
    add(f"constant {operator}{label}", nodes, {"zero": np.zeros(1, np.float32)}, values, opset)


def live(operator, shapes, *operands, opset=18, label="", domain="", cast=False, **attributes):
    given = {f"x{index}": array(*shape) for index, shape in enumerate(shapes)}
    names = [f"c{index}" if operand is not None else "" for index, operand in enumerate(operands)]
    nodes = [helper.make_node(operator, list(given) + names, ["m"], domain=domain, **attributes)]
    nodes.append(helper.make_node("Cast", ["m"], ["y"], to=TensorProto.FLOAT))
    values = {key: operand for key, operand in zip(names, operands) if key}
    add(f"live {operator}{label}", nodes, given, values, opset, domains=[domain] if domain else [])


a, b = array(2, 3, 4), array(3, 4)
whole = np.array([[7, -7, 5], [-5, 9, 3]], np.int64)
for operator in ("Sin", "Cos", "Tan", "Sinh", "Cosh", "Atan", "Asinh", "Sign", "Neg", "Abs"):
    constant(operator, a)
for operator in ("Asin", "Acos", "Atanh"):
    constant(operator, np.clip(a, -0.9, 0.9))
constant("Acosh", np.abs(a) + 1)
constant("IsNaN", np.array([1, np.nan, np.inf], np.float32))
constant("IsInf", np.array([1, -np.inf, np.inf], np.float32), detect_negative=0)
constant("Mod", whole, integers(3, -3, 4))
constant("Mod", a, b, fmod=1, label=" of floats")
constant("Xor", whole > 0, whole > 5)
constant("BitShift", np.array([1, 2, 255], np.uint8), np.array([1, 2, 3], np.uint8), direction="RIGHT")
constant("Clip", whole, np.array(-4, np.int64), np.array(6, np.int64))
for operator in ("ReduceSum", "ReduceProd", "ReduceMax", "ReduceMin"):
    constant(operator, whole, integers(1), keepdims=0, label=" of integers")
for operator in ("ReduceProd", "ReduceLogSumExp", "ReduceL2", "ReduceMean", "ReduceSumSquare", "ReduceL1"):
    constant(operator, a, integers(0, -1))
constant("ArgMax", a, axis=1, keepdims=0)
constant("ArgMin", np.array([[1, 0, 0]], np.float32), axis=1, select_last_index=1)
constant("TopK", a, integers(2), outputs=2, axis=1)
constant("CumSum", a, np.array(1, np.int64), exclusive=1, reverse=1)
constant("BatchNormalization", a, array(3), array(3), array(3), np.abs(array(3)), outputs=3, training_mode=1, momentum=0.7, epsilon=1e-3)
constant("GatherElements", a, np.array([[[0, 1, -1, 0]]], np.int64), axis=1)
constant("GatherND", a, np.array([[1, 2], [0, -1]], np.int64))
constant("GatherND", a, np.array([[2], [0]], np.int64), batch_dims=1, label=" with batches")
constant("ScatterElements", a, np.array([[[0, 1, 2, 0]]], np.int64), array(1, 1, 4), axis=1, reduction="add")
constant("ScatterND", a, np.array([[1, 2], [0, 0]], np.int64), array(2, 4))
constant("Tile", a, integers(2, 1, 3))
constant("Trilu", a, np.array(1, np.int64), upper=0)
constant("NonZero", np.array([[1, 0, 3], [0, 0, 2]], np.float32))
constant("Compress", a, np.array([True, False, True]), axis=1)
constant("OneHot", integers(1, -1, 5), np.array(3, np.int64), np.array([2, 7], np.float32))
constant("EyeLike", b, k=1)
constant("Pad", whole, integers(0, 1, 1, 2), np.array(9, np.int64), label=" of integers")
constant("MatMul", a, array(2, 4, 3))
constant("Einsum", a, b, equation="bij,kj->bik")
constant("Resize", array(1, 2, 5, 7), None, None, integers(1, 2, 9, 4), mode="cubic", coordinate_transformation_mode="half_pixel")
constant("Softmax", a, axis=1)
constant("Cast", a * 3, to=TensorProto.INT32)
constant("Range", np.array(2, np.int64), np.array(11, np.int64), np.array(4, np.int64))

for operator in ("Greater", "LessOrEqual", "Equal"):
    live(operator, [(2, 3), (2, 3)], opset=16)
live("Sign", [(3, 5)])
live("Mod", [(3, 5)], np.array([0.7], np.float32), fmod=1)
live("Tile", [(1, 3, 4)], integers(1, 2, 3))
live("Tile", [(2, 3)], integers(3, 1), label=" of a batch")
live("CumSum", [(2, 4, 3)], np.array(1, np.int64), exclusive=1)
live("Trilu", [(2, 4, 3)], np.array(-1, np.int64))
live("ReduceLogSumExp", [(2, 3, 4)], integers(1), keepdims=0)
live("LpNormalization", [(2, 3, 4)], axis=1, p=1)
live("LpNormalization", [(2, 3, 4)], axis=2, p=2, label=" of squares")
live("MeanVarianceNormalization", [(2, 3, 4, 5)])
live("GroupNormalization", [(2, 6, 4, 5)], array(3), array(3), num_groups=3, label=" of groups")
live("InstanceNormalization", [(2, 6, 4, 5)], array(6), array(6))
live("GlobalLpPool", [(2, 3, 4, 5)], p=3)
live("Shrink", [(3, 7)], bias=0.2, lambd=0.5)
live("Gather", [(2, 200)], random.integers(-200, 200, 150), axis=1, label=" of scattered indices")
for equation, shapes in {
    "bnc,bmc->bnm": [(2, 3, 4), (2, 5, 4)], "bhid,bhjd->bhij": [(2, 2, 3, 4), (2, 2, 5, 4)], "ij,jk": [(2, 3), (3, 4)],
    "...ij,...jk->...ik": [(2, 2, 3, 4), (2, 2, 4, 5)], "bij->bji": [(2, 3, 4)], "bij->b": [(2, 3, 4)],
    "bchw,cd->bdhw": [(1, 3, 4, 4), (3, 5)], "bi,bi->b": [(2, 3), (2, 3)], "i,j->ij": [(3,), (4,)],
    "bhqk,bkhd->bqhd": [(2, 2, 3, 4), (2, 4, 2, 5)],
}.items():
    live("Einsum", shapes, equation=equation, label=f" {equation}")
for mode in ("nearest", "linear", "cubic"):
    for form in ("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"):
        live("Resize", [(1, 2, 5, 7)], None, None, integers(1, 2, 8, 4), mode=mode, coordinate_transformation_mode=form, label=f" {mode} {form}")
live("Resize", [(1, 2, 5, 7)], None, np.array([1, 1, 2, 0.6], np.float32), mode="nearest", nearest_mode="ceil", label=" by scales")
live("Resize", [(1, 2, 9, 8)], None, None, integers(1, 2, 4, 3), mode="linear", antialias=1, label=" smoothed")
live("Resize", [(1, 6, 5, 2)], None, None, integers(1, 12, 10, 2), mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor", label=" channels last")
live("Upsample", [(1, 2, 3, 4)], np.array([1, 1, 2, 2], np.float32), opset=9, mode="nearest")
for operator, shapes, operands, attributes in (
    ("BiasGelu", [(2, 3, 4)], [array(4)], {}), ("FastGelu", [(2, 3, 4)], [array(4)], {}), ("QuickGelu", [(2, 3)], [], {}),
    ("FusedMatMul", [(2, 3, 4), (2, 5, 4)], [], {"transB": 1, "alpha": 0.5}),
    ("FusedConv", [(1, 2, 5, 5)], [array(4, 2, 3, 3), array(4)], {"activation": "LeakyRelu", "activation_params": [0.2], "kernel_shape": [3, 3]}),
    ("SkipLayerNormalization", [(2, 3, 4), (2, 3, 4)], [array(4), array(4), array(4)], {"epsilon": 1e-3}),
    ("MultiHeadAttention", [(2, 3, 8), (2, 5, 8), (2, 5, 8)], [array(24)], {"num_heads": 2}),
    ("Attention", [(2, 3, 8)], [array(8, 24), array(24)], {"num_heads": 2}),
):
    live(operator, shapes, *operands, domain="com.microsoft", **attributes)
live("Attention", [(2, 3, 8), (2, 5, 4), (2, 5, 4)], opset=23, q_num_heads=4, kv_num_heads=2, label=" of opset 23")
live("Attention", [(2, 2, 3, 4), (2, 2, 3, 4), (2, 2, 3, 4)], opset=23, is_causal=1, label=" that is causal")
live("RMSNormalization", [(2, 3, 4)], array(4), opset=23)
live("RotaryEmbedding", [(2, 3, 4, 6)], array(2, 4, 3), array(2, 4, 3), opset=23)
live("RotaryEmbedding", [(2, 4, 12)], array(2, 4, 3), array(2, 4, 3), opset=23, num_heads=2, interleaved=1, label=" of pairs")

# Choices, branches, functions, quantisation that depends on the input.
x = array(2, 3)
node = helper.make_node
block = np.stack(np.meshgrid(np.arange(2), np.arange(1, 3), indexing="ij"), axis=-1).astype(np.int64)
add("a block written over a part", [node("ScatterND", ["x", "i", "u"], ["y"])], {"x": array(2, 4, 3), "u": array(2, 2, 3)}, {"i": block})
add("a choice by a known condition, with an infinite constant", [node("Where", ["c", "x", "low"], ["w"]), node("Softmax", ["w"], ["y"], axis=-1)],
    {"x": x}, {"c": np.array([True, False, True]), "low": np.array([-np.inf], np.float32)})
add("a choice by a condition of the input", [node("Greater", ["x", "limit"], ["c"]), node("Not", ["c"], ["n"]), node("Where", ["n", "x", "limit"], ["y"])],
    {"x": x}, {"limit": np.array([0.1], np.float32)})
add("integers of the input", [
    node("Cast", ["x10"], ["i"], to=TensorProto.INT64), node("Div", ["i", "three"], ["d"]), node("Cast", ["d"], ["y"], to=TensorProto.FLOAT),
    node("Mul", ["x", "ten"], ["x10"])][3:] + [
    node("Cast", ["x10"], ["i"], to=TensorProto.INT64), node("Div", ["i", "three"], ["d"]), node("Cast", ["d"], ["y"], to=TensorProto.FLOAT)],
    {"x": x}, {"ten": np.array([10], np.float32), "three": integers(3)})
branch = lambda name, operator: helper.make_graph([node(operator, ["x"], [name])], name, [], [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)])
add("a branch of a known condition", [node("If", ["c"], ["b"], then_branch=branch("t", "Relu"), else_branch=branch("e", "Tanh")), node("Abs", ["b"], ["y"])],
    {"x": x}, {"c": np.array(False)})
scaled = helper.make_function(
    "own", "scaled", ["v"], ["w"], [node("Elu", ["v"], ["e"]), node("Mul", ["e", "e"], ["w"])], [helper.make_opsetid("", 18)])
scaled.node[0].attribute.append(onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT))
scaled.attribute.append("slope")
add("a function with an attribute, twice", [node("scaled", ["x"], ["a"], domain="own", slope=0.5), node("scaled", ["a"], ["y"], domain="own", slope=2.0)],
    {"x": x}, {}, functions=[scaled], domains=["own"])
weights = random.integers(-128, 128, (3, 4)).astype(np.int8)
add("dynamic quantisation", [
    node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]), node("MatMulInteger", ["q", "w", "z", "wz"], ["m"]),
    node("Cast", ["m"], ["f"], to=TensorProto.FLOAT), node("Mul", ["s", "ws"], ["scale"]), node("Mul", ["f", "scale"], ["y"])],
    {"x": x}, {"w": weights, "wz": np.array(3, np.int8), "ws": np.array(0.02, np.float32)})
add("16-bit integers", [node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("DequantizeLinear", ["q", "s", "z"], ["y"])],
    {"x": x}, {"s": np.array(1e-4, np.float32), "z": np.array(30000, np.uint16)}, opset=21)
add("weights of float16", [node("Cast", ["x"], ["h"], to=TensorProto.FLOAT16), node("MatMul", ["h", "w"], ["m"]), node("Cast", ["m"], ["y"], to=TensorProto.FLOAT)],
    {"x": x}, {"w": np.array([[1, 2], [0.5, -1], [4, 0.25]], np.float16)})

# Positions that the network computes, and their padding.
for mode, padding, aligns in (
    ("bilinear", "zeros", 0), ("bilinear", "border", 0), ("bilinear", "reflection", 0), ("bilinear", "zeros", 1),
    ("bilinear", "reflection", 1), ("nearest", "zeros", 0), ("nearest", "border", 1), ("nearest", "reflection", 0),
    ("bicubic", "zeros", 0), ("bicubic", "zeros", 1),
):
    live("GridSample", [(2, 3, 5, 6), (2, 4, 3, 2)], opset=16, mode=mode, padding_mode=padding, align_corners=aligns,
         label=f" {mode} {padding} {aligns}")
grid = np.clip(array(1, 4, 3, 2), -1.2, 1.2)
live("GridSample", [(1, 3, 5, 6)], grid, opset=20, mode="linear", label=" at known positions")
for aligns in (0, 1):
    live("AffineGrid", [(2, 2, 3)], integers(2, 1, 3, 4), opset=20, align_corners=aligns, label=f" {aligns}")
for label, shapes, weights, attributes in (
    (" of stride 2", [(2, 4, 3, 5)], array(4, 3, 2, 2), {"strides": [2, 2]}),
    (" in groups", [(1, 4, 3, 5)], array(4, 2, 3, 3), {"strides": [2, 3], "pads": [1, 0, 1, 2], "output_padding": [1, 0], "group": 2}),
    (" with dilation", [(1, 2, 4, 4)], array(2, 3, 3, 2), {"dilations": [2, 3], "pads": [0, 1, 2, 1]}),
    (" of the same extent", [(1, 2, 4, 5)], array(2, 3, 3, 3), {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    (" of the same extent, lower", [(1, 2, 4, 5)], array(2, 3, 4, 4), {"strides": [2, 2], "auto_pad": "SAME_LOWER"}),
    (" of a stated extent", [(1, 2, 4, 5)], array(2, 3, 3, 3), {"strides": [2, 2], "output_shape": [8, 10]}),
    (" of one axis", [(1, 2, 5)], array(2, 3, 3), {"strides": [3]}),
    (" cut off", [(1, 2, 5, 5)], array(2, 3, 2, 2), {"pads": [2, 2, 2, 2]}),
):
    live("ConvTranspose", shapes, weights, label=label, **attributes)
live("ConvTranspose", [(1, 2, 3, 3), (2, 1, 3, 3)], array(1), label=" with live weights")

# Known positions in values of the input.
live("GatherND", [(3, 4, 5)], np.array([[2, 1], [0, 3], [-1, -4]], np.int64))
live("GatherND", [(2, 4, 3)], random.integers(0, 4, (2, 5, 1)), batch_dims=1, label=" with batches")
live("GatherND", [(100, 3)], random.integers(0, 100, (90, 1)), label=" of many")
live("GatherElements", [(3, 4, 5)], random.integers(-5, 5, (3, 4, 2)), axis=2)
live("ScatterND", [(6, 3)], np.array([[4], [0], [3]], np.int64), array(3, 3))
live("ScatterND", [(6, 3)], np.array([[4, 1], [0, 2], [4, 1]], np.int64), array(3), reduction="add", label=" added")
live("ScatterND", [(6, 3), ], np.array([[4, 1], [-1, 2], [4, 1]], np.int64), array(3), label=" twice")
live("ScatterElements", [(3, 4)], np.array([[1, 3], [0, 2], [2, -1]], np.int64), array(3, 2), axis=1)
live("Pad", [(2, 3, 4)], integers(0, 1, 2, 0, 2, -1), opset=19, mode="wrap", label=" around")
live("Resize", [(1, 2, 16, 16)], None, np.array([1, 1, 0.5, 0.4], np.float32), mode="nearest", nearest_mode="floor",
     coordinate_transformation_mode="asymmetric", label=" at whole positions")
live("Resize", [(1, 2, 5, 6)], np.array([1, 1, 0.6, 0.6], np.float32), opset=10, mode="nearest", label=" of opset 10")
live("Resize", [(1, 2, 5, 6)], np.array([0, 0, -0.3, 0.2, 1, 1, 1.2, 0.9], np.float32), None, integers(1, 2, 7, 4),
     mode="linear", coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=3.5, label=" beyond the picture")
live("RotaryEmbedding", [(2, 3, 4, 6)], array(9, 3), array(9, 3), random.integers(0, 9, (2, 4)), opset=23, label=" at positions")
live("RotaryEmbedding", [(2, 3, 4, 8)], array(9, 2), array(9, 2), random.integers(0, 9, (2, 4)), opset=23,
     rotary_embedding_dim=4, label=" of a part")

live("CenterCropPad", [(2, 5, 8, 3)], integers(2, 5), axes=[2, 1], opset=18)
live("CenterCropPad", [(2, 4, 3)], integers(5, 3, 6), opset=18, label=" of every axis")
live("SpaceToDepth", [(1, 2, 4, 6)], blocksize=2, mode="CRD", opset=28)
live("SwiGLU", [(2, 3), (2, 3)], alpha=1.5, opset=28)
heads = {"q_num_heads": 2, "kv_num_heads": 2, "opset": 25}
live("Attention", [(1, 5, 8)] * 3, left_window_size=1, right_window_size=2, label=" in a window", **heads)
live("Attention", [(1, 5, 8)] * 3, left_window_size=2, is_causal=1, label=" in a causal window", **heads)



def recurrent(label, x, hidden, output="y", first=(), bias=True, operator="LSTM", **attributes):
    """An LSTM, GRU or RNN, of which one output is `y`; `first` are the first states and cells, live if they are `None`."""
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    rows = {"LSTM": 4, "GRU": 3, "RNN": 1}[operator] * hidden
    given = {"x": array(*x)}
    constants = {"w": array(directions, rows, x[2]), "r": array(directions, rows, hidden)}
    if bias:
        constants["b"] = array(directions, 2 * rows)
    states = [directions, x[0 if attributes.get("layout") else 1], hidden]
    if attributes.get("layout"):
        states[:2] = states[1::-1]
    for name, value in zip(("h", "c"), first):
        (given if value is None else constants)[name] = array(*states) if value is None else value * np.ones(states, np.float32)
    names = ["x", "w", "r", "b" if bias else "", "", "h" if first else "", "c" if len(first) > 1 else ""]
    if operator != "LSTM":
        del names[6]
    outputs = {"y": ["y"], "state": ["", "y"], "cell": ["", "", "y"]}[output]
    add(f"{operator} {label}", [helper.make_node(operator, names, outputs, hidden_size=hidden, **attributes)], given, constants, 17)


recurrent("forward", (5, 2, 3), 4)
recurrent("of one step", (1, 1, 3), 4, bias=False)
recurrent("in reverse", (4, 2, 3), 4, direction="reverse")
recurrent("in both directions", (4, 2, 3), 5, direction="bidirectional")
recurrent("with first states of zero", (4, 1, 3), 2, first=(0, 0), direction="bidirectional")
recurrent("with live first states", (4, 2, 3), 2, first=(None, None), direction="bidirectional")
recurrent("with a known first cell", (4, 2, 3), 2, first=(0, 0.5))
recurrent("and its last state", (4, 2, 3), 2, "state", direction="bidirectional")
recurrent("and its last cell", (4, 2, 3), 2, "cell", direction="reverse")

# ONNX Runtime's operators on 4 and 8 bits. Sums fit 16 bits, which processors without VNNI would exceed.
def runtime(operator, given, constants, inputs, label="", quantised=True, before=(), **attributes):
    """y = operator(inputs); with `quantised`, x is quantised before, and the result's levels are scaled."""
    nodes = [node("QuantizeLinear", [name, "s", "z"], [f"{name}q"]) for name in given if quantised]
    nodes += [*before, node(operator, inputs, ["m"], domain="com.microsoft", **attributes)]
    nodes.append(node("DequantizeLinear", ["m", "t", "u"], ["y"]) if quantised else node("Identity", ["m"], ["y"]))
    scales = {"s": np.float32(0.03), "z": np.uint8(120), "t": np.float32(0.05), "u": np.uint8(100)} if quantised else {}
    add(f"{operator}{label}", nodes, given, {**scales, **constants}, domains=["com.microsoft"])


small = lambda *shape: random.integers(-9, 10, shape).astype(np.int8)
for bits, block, points, label in ((4, 16, False, " of 4 bits"), (4, 16, True, " of 4 bits with zero points"), (8, 32, True, " of 8 bits")):
    blocks = (40 + block - 1) // block
    constants = {
        "b": random.integers(0, 256, (3, blocks, block * bits // 8)).astype(np.uint8), "bs": np.abs(array(3 * blocks)) / 100}
    if points:
        constants["bz"] = random.integers(0, 256, 3 * ((blocks * bits + 7) // 8)).astype(np.uint8)
    runtime("MatMulNBits", {"x": array(2, 40)}, constants, ["x", *constants], label, False, K=40, N=3, block_size=block, bits=bits)
for kind, label in enumerate((" of FP4", " of NF4")):
    constants = {"b": random.integers(0, 256, 50).astype(np.uint8), "bs": np.abs(array(7))}
    runtime("MatMulBnb4", {"x": array(2, 20)}, constants, ["x", "b", "bs"], label, False, K=20, N=5, block_size=16, quant_type=kind)
runtime("DynamicQuantizeMatMul", {"x": array(2, 6)}, {"w": small(6, 4), "ws": np.abs(array(4)), "wz": small(4), "c": array(4)},
        ["x", "w", "ws", "wz", "c"], quantised=False)
runtime("MatMulIntegerToFloat", {"x": array(2, 6)},
        {"w": small(6, 4), "s": np.float32(0.03), "z": np.uint8(120), "ws": np.abs(array(4)), "wz": small(4), "c": array(4)},
        ["xq", "w", "s", "ws", "z", "wz", "c"], quantised=False, before=[node("QuantizeLinear", ["x", "s", "z"], ["xq"])])
runtime("QGemm", {"x": array(2, 6)}, {"w": small(4, 6), "ws": np.float32(0.1), "wz": np.int8(2), "c": random.integers(-90, 90, 4).astype(np.int32)},
        ["xq", "s", "z", "w", "ws", "wz", "c", "t", "u"], transB=1, alpha=1.0)
second = [node("Abs", ["x"], ["v"]), node("QuantizeLinear", ["v", "s", "z"], ["vq"])]
for operator in ("QLinearAdd", "QLinearMul"):
    runtime(operator, {"x": array(2, 5)}, {}, ["xq", "s", "z", "vq", "s", "z", "t", "u"], before=second)
runtime("QLinearConcat", {"x": array(2, 3)}, {}, ["t", "u", "xq", "s", "z", "vq", "s", "z"], before=second, axis=1)
runtime("QLinearAveragePool", {"x": array(1, 2, 5, 5)}, {}, ["xq", "s", "z", "t", "u"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])
runtime("QLinearGlobalAveragePool", {"x": array(1, 3, 4, 4)}, {}, ["xq", "s", "z", "t", "u"])
runtime("QLinearLeakyRelu", {"x": array(2, 5)}, {}, ["xq", "s", "z", "t", "u"], alpha=0.2)
runtime("QLinearSigmoid", {"x": array(2, 5)}, {}, ["xq", "s", "z", "t", "u"])
runtime("QLinearSoftmax", {"x": array(2, 5)}, {"t": np.float32(1 / 256), "u": np.uint8(0)}, ["xq", "s", "z", "t", "u"], axis=1, opset=13)
runtime("FusedGemm", {"x": array(2, 6)}, {"w": array(6, 4), "c": array(4)}, ["x", "w", "c"], quantised=False, activation="Relu", alpha=0.5)
runtime("SkipSimplifiedLayerNormalization", {"x": array(2, 3, 4)}, {"g": array(4)}, ["x", "v", "g"], quantised=False, before=second[:1], epsilon=1e-3)
runtime("Gelu", {"x": array(2, 5)}, {}, ["x"], quantised=False)

for before, label in ((0, ""), (1, " of reset products")):
    settings = {"operator": "GRU", "linear_before_reset": before}
    recurrent(f"forward{label}", (5, 2, 3), 4, **settings)
    recurrent(f"of one step without biases{label}", (1, 1, 3), 4, bias=False, **settings)
    recurrent(f"without biases{label}", (3, 1, 3), 4, bias=False, **settings)
    recurrent(f"in reverse{label}", (4, 2, 3), 4, direction="reverse", **settings)
    recurrent(f"in both directions{label}", (4, 2, 3), 5, direction="bidirectional", **settings)
    recurrent(f"with live first states{label}", (4, 2, 3), 2, first=(None,), direction="bidirectional", **settings)
    recurrent(f"and its last state{label}", (4, 2, 3), 2, "state", direction="bidirectional", **settings)

def choice(label, nodes, **constants):
    """Of the logarithms of numbers, half of which are negative."""
    add(f"live Where {label}", [helper.make_node("Log", ["x"], ["l"]), *nodes], {"x": signs * (np.abs(array(3, 4)) + 0.1)}, constants)


signs = np.array([[1, -1, 1, -1], [-1, 1, 1, -1], [1, 1, -1, -1]], np.float32)
choice("of what is no number", [
    helper.make_node("IsNaN", ["l"], ["n"]), helper.make_node("Where", ["n", "half", "l"], ["y"])],
    half=np.array(0.5, np.float32))
choice("with a known condition", [helper.make_node("Where", ["positive", "l", "half"], ["y"])],
       half=np.array(0.5, np.float32), positive=signs > 0)
choice("of an infinite constant", [
    helper.make_node("IsNaN", ["l"], ["n"]), helper.make_node("Where", ["n", "least", "l"], ["m"]),
    helper.make_node("Softmax", ["m"], ["y"])], least=np.array(-np.inf, np.float32))
recurrent("forward", (5, 2, 3), 4, operator="RNN")
recurrent("of one step without biases", (1, 1, 3), 4, bias=False, operator="RNN")
recurrent("in reverse with sigmoids", (4, 2, 3), 4, direction="reverse", activations=["Sigmoid"], operator="RNN")
recurrent("in both directions", (4, 2, 3), 5, direction="bidirectional", activations=["Relu", "Relu"], operator="RNN")
recurrent("with live first states", (4, 2, 3), 2, first=(None,), direction="bidirectional", operator="RNN")
recurrent("and its last state", (4, 2, 3), 2, "state", direction="bidirectional", operator="RNN")

for label, channels, image, block, settings in (
    ("", 2, (6, 8), (2, 4), {"strides": [2, 4]}),
    (" of blocks that overlap", 3, (5, 7), (3, 2), {"pads": [1, 0, 1, 1], "strides": [2, 1]}),
    (" of pixels apart", 1, (8, 9), (2, 3), {"dilations": [3, 2], "pads": [0, 1, 2, 0]}),
    (" of blocks that leave a rest", 2, (7, 8), (3, 3), {"strides": [3, 2]}),
    (" of sequences", 2, (9,), (3,), {"strides": [2], "pads": [1, 1]}),
):
    rank = len(image)
    pads, dilations = settings.get("pads", [0] * 2 * rank), settings.get("dilations", [1] * rank)
    counts = [
        (image[axis] + pads[axis] + pads[rank + axis] - dilations[axis] * (block[axis] - 1) - 1)
        // settings.get("strides", [1] * rank)[axis] + 1 for axis in range(rank)]
    live("Col2Im", [(1, channels * int(np.prod(block)), int(np.prod(counts)))], integers(*image), integers(*block),
         label=label, **settings)

live("ReduceProd", [(2, 3, 5, 4)], integers(1, -2), keepdims=0)
live("ReduceProd", [(2, 3)], label=" of everything")
live("ReduceProd", [(2, 7)], axes=[1], opset=13, label=" of opset 13")
add("live EyeLike", [node("EyeLike", ["x"], ["e"], k=1), node("MatMul", ["x", "e"], ["y"])], {"x": array(3, 3)}, {})
live("Scatter", [(3, 4)], np.array([[1, 3], [0, 2], [2, -1]], np.int64), array(3, 2), axis=1, opset=10)
constant("Scatter", array(3, 4), np.array([[1, 3], [0, 2], [2, -1]], np.int64), array(3, 2), axis=1, opset=10)

# Layers of a network on constants.
picture = array(1, 4, 6, 5)
constant("Conv", picture, array(6, 2, 3, 2), array(6), group=2, strides=[2, 1], pads=[1, 0, 2, 1], dilations=[1, 2])
constant("Conv", picture, array(2, 4, 3, 3), auto_pad="SAME_LOWER", label=" of the same extent")
constant("Conv", array(2, 3, 7), array(4, 3, 3), label=" of sequences")
constant("ConvTranspose", picture, array(4, 2, 3, 3), array(2), strides=[2, 2])
constant("MaxPool", picture, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1], ceil_mode=1)
constant("AveragePool", picture, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
constant("AveragePool", picture, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1, label=" with padding")
constant("LpPool", picture, kernel_shape=[2, 2])
constant("GlobalAveragePool", picture)
constant("GlobalMaxPool", picture)
constant("BatchNormalization", picture, array(4), array(4), array(4), np.abs(array(4)), label=" of a layer")
constant("LayerNormalization", a, array(4), array(4), epsilon=1e-3)
constant("LayerNormalization", a, array(3, 4), axis=1, label=" of two axes")
constant("GroupNormalization", picture, array(4), array(4), num_groups=2, opset=21)
constant("InstanceNormalization", picture, array(4), array(4))
constant("LRN", picture, size=3, alpha=0.2, beta=0.6, bias=2.0)
constant("LogSoftmax", a, axis=1)
constant("Softmax", a, axis=1, opset=11, label=" of a tail")
constant("Hardmax", np.array([[1, 3, 3], [2, -1, 0]], np.float32))
constant("Hardmax", a, axis=1, opset=11, label=" of a tail")
constant("CumProd", a, np.array(1, np.int64), exclusive=1, opset=26)
constant("Det", array(2, 4, 4))
constant("ReverseSequence", array(4, 3, 2), integers(4, 1, 3))
constant("ReverseSequence", array(3, 4), integers(2, 4, 1), time_axis=1, batch_axis=0, label=" along the second axis")
constant("HannWindow", np.array(6, np.int64))
constant("HammingWindow", np.array(7, np.int64), periodic=0)
constant("BlackmanWindow", np.array(5, np.int32))
constant("GridSample", picture, np.clip(array(1, 2, 3, 2), -1, 1), opset=20)
constant("Attention", array(1, 3, 8), array(1, 5, 8), array(1, 5, 8), opset=23, q_num_heads=2, kv_num_heads=2)
constant("LSTM", array(3, 1, 2), array(1, 12, 2), array(1, 12, 3), hidden_size=3)

# Integers of 8 and 16 bits wrap around.
wide = np.array([300.7, -1.5, -300, 70000, 1e10, np.nan, 3.9], np.float32)
for kind, name in ((np.uint8, "UINT8"), (np.int8, "INT8"), (np.uint16, "UINT16"), (np.int16, "INT16")):
    limits = np.iinfo(kind)
    first, second = np.array([limits.max, limits.min, 100, 3], kind), np.array([3, 1, 100, 2], kind)
    constant("Cast", wide, to=getattr(TensorProto, name), label=f" of floats to {name}")
    constant("Cast", np.array([300, -1, 70000, 5], np.int64), to=getattr(TensorProto, name), label=f" of integers to {name}")
    for operator in ("Add", "Sub", "Mul", "Div"):
        constant(operator, first, second, label=f" of {name}")
    constant("Abs", first, label=f" of {name}")
    if limits.min < 0:
        constant("Neg", first, label=f" of {name}")
    low, high = np.array(limits.min, np.float32), np.array(limits.max, np.float32)
    add(f"live Cast to {name} within limits", [
        node("Mul", ["x", "large"], ["l"]), node("Clip", ["l", "low", "high"], ["c"]),
        node("Cast", ["c"], ["i"], to=getattr(TensorProto, name)), node("Cast", ["i"], ["y"], to=TensorProto.FLOAT)],
        {"x": array(3, 5)}, {"large": np.array(100 * limits.max / 127, np.float32), "low": low, "high": high})
add("live sums of 8 bits within limits", [
    node("Sigmoid", ["x"], ["s"]), node("Mul", ["s", "most"], ["m"]), node("Cast", ["m"], ["i"], to=TensorProto.UINT8),
    node("Div", ["i", "two"], ["d"]), node("Add", ["d", "more"], ["a"]), node("Cast", ["a"], ["y"], to=TensorProto.FLOAT)],
    {"x": array(3, 5)}, {"most": np.array(255, np.float32), "two": np.array(2, np.uint8), "more": np.array(128, np.uint8)})

HERE.mkdir(exist_ok=True)
(HERE / "operators.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
print(len(cases), "cases")
