# SPDX-License-Identifier: Apache-2.0
"""A network as a list of nodes that JAX evaluates (NHWC) and ONNX stores (NCHW), one node to one node."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

EPSILON, MOMENTUM = 1e-5, 0.9


@dataclasses.dataclass
class Node:
    operator: str
    name: str
    inputs: list
    attributes: dict = dataclasses.field(default_factory=dict)


class Network:
    """Nodes in topological order. Every node's output tensor has the node's name; the last one is `prob`."""

    def __init__(self, side, seed):
        self.side, self.rng = side, np.random.default_rng(seed)
        self.nodes, self.parameters, self.statistics, self.width = [], {}, {}, {"input": 3}
        self.last = "input"

    def add(self, operator, name, inputs=None, width=None, **attributes):
        inputs = inputs or [self.last]
        self.nodes.append(Node(operator, name, inputs, attributes))
        self.width[name] = width or self.width[inputs[0]]
        self.last = name
        return self

    def conv(self, name, width, kernel=3, stride=1, source=None, depthwise=False, bias=False):
        fan = self.width[source or self.last]
        inner = 1 if depthwise else fan
        scale = np.sqrt(2 / (kernel * kernel * inner))
        self.parameters[name + ".weight"] = np.float32(self.rng.normal(0, scale, (kernel, kernel, inner, width)))
        if bias:
            self.parameters[name + ".bias"] = np.zeros(width, np.float32)
        return self.add("Conv", name, [source or self.last], width, kernel=kernel, stride=stride, depthwise=depthwise)

    def normalise(self, name):
        width = self.width[self.last]
        self.parameters[name + ".scale"] = np.ones(width, np.float32)
        self.parameters[name + ".bias"] = np.zeros(width, np.float32)
        self.statistics[name + ".mean"] = np.zeros(width, np.float32)
        self.statistics[name + ".var"] = np.ones(width, np.float32)
        return self.add("BatchNormalization", name)

    def conv_bn_relu(self, stage, width, number="", activation="Relu", **options):
        self.conv(f"{stage}.conv{number}", width, **options).normalise(f"{stage}.bn{number}")
        return self.add(activation, f"{stage}.relu{number}")

    def gemm(self, name, width):
        fan = self.width[self.last]
        self.parameters[name + ".weight"] = np.float32(self.rng.normal(0, np.sqrt(2 / fan), (width, fan)))
        self.parameters[name + ".bias"] = np.zeros(width, np.float32)
        return self.add("Gemm", name, width=width)

    def forward(self, parameters, statistics, pictures, training=False):
        """The tensor that Softmax takes, and the statistics after this batch. `pictures`: [N, H, W, 3], normalised."""
        values, updated = {"input": pictures}, dict(statistics)
        for node in self.nodes[:-1]:
            values[node.name] = evaluate(node, values, parameters, statistics, updated, training)
        return values[self.nodes[-1].inputs[0]], updated

    def save(self, path, parameters, statistics):
        held = {name: np.asarray(value, np.float32) for name, value in {**parameters, **statistics}.items()}
        held = {name: value.transpose(3, 2, 0, 1) if value.ndim == 4 else value for name, value in held.items()}
        graph = helper.make_graph(
            [exported(node, held) for node in self.nodes],
            path.stem,
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, self.side, self.side])],
            [helper.make_tensor_value_info("prob", TensorProto.FLOAT, ["N", self.width["prob"]])],
            [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in held.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="infenclave-demo")
        model.ir_version = 8
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, path)


def window(value, reducer, start):
    return jax.lax.reduce_window(value, start, reducer, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def depthwise(value, weight):
    """Nine shifted products: XLA's grouped convolution is very slow to differentiate on a CPU."""
    padded = jnp.pad(value, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = value.shape[1:3]
    shifts = [(y, x) for y in range(3) for x in range(3)]
    return sum(padded[:, y : y + height, x : x + width] * weight[y, x, 0] for y, x in shifts)


def batch_normalised(value, node, parameters, statistics, updated, training):
    mean, variance = statistics[node.name + ".mean"], statistics[node.name + ".var"]
    if training:
        mean, variance = value.mean((0, 1, 2)), value.var((0, 1, 2))
        for suffix, fresh in ((".mean", mean), (".var", variance)):
            updated[node.name + suffix] = MOMENTUM * statistics[node.name + suffix] + (1 - MOMENTUM) * fresh
    factor = parameters[node.name + ".scale"] / jnp.sqrt(variance + EPSILON)
    return (value - mean) * factor + parameters[node.name + ".bias"]


def evaluate(node, values, parameters, statistics, updated, training):
    x = values[node.inputs[0]]
    match node.operator:
        case "Conv":
            weight, stride = parameters[node.name + ".weight"], node.attributes["stride"]
            pad = [(node.attributes["kernel"] // 2,) * 2] * 2
            if node.attributes["depthwise"]:
                y = depthwise(x, weight)
            else:
                layout = ("NHWC", "HWIO", "NHWC")
                y = jax.lax.conv_general_dilated(x, weight, (stride, stride), pad, dimension_numbers=layout)
            return y + parameters.get(node.name + ".bias", 0)
        case "BatchNormalization":
            return batch_normalised(x, node, parameters, statistics, updated, training)
        case "Relu":
            return jax.nn.relu(x)
        case "LeakyRelu":
            return jnp.where(x > 0, x, 0.1 * x)
        case "Sigmoid":
            return jax.nn.sigmoid(x)
        case "Add":
            return x + values[node.inputs[1]]
        case "Mul":
            return x * values[node.inputs[1]]
        case "MaxPool":
            return window(x, jax.lax.max, -jnp.inf)
        case "AveragePool":
            return window(x, jax.lax.add, 0.0) / 4
        case "GlobalAveragePool":
            return x.mean((1, 2), keepdims=True)
        case "Flatten":
            return x.reshape(x.shape[0], -1)
        case "Gemm":
            return x @ parameters[node.name + ".weight"].T + parameters[node.name + ".bias"]
    raise ValueError(node.operator)


def exported(node, held):
    inputs, attributes = list(node.inputs), {}
    match node.operator:
        case "Conv":
            side, stride = node.attributes["kernel"], node.attributes["stride"]
            groups = held[node.name + ".weight"].shape[0] if node.attributes["depthwise"] else 1
            attributes = {"kernel_shape": [side] * 2, "strides": [stride] * 2, "pads": [side // 2] * 4, "group": groups}
            inputs += [name for name in (node.name + ".weight", node.name + ".bias") if name in held]
        case "BatchNormalization":
            inputs += [node.name + suffix for suffix in (".scale", ".bias", ".mean", ".var")]
            attributes = {"epsilon": EPSILON}
        case "MaxPool" | "AveragePool":
            attributes = {"kernel_shape": [2, 2], "strides": [2, 2]}
        case "Gemm":
            inputs += [node.name + ".weight", node.name + ".bias"]
            attributes = {"transB": 1}
        case "LeakyRelu":
            attributes = {"alpha": 0.1}
        case "Softmax":
            attributes = {"axis": 1}
    return helper.make_node(node.operator, inputs, [node.name], node.name, **attributes)
