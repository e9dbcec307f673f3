# SPDX-License-Identifier: Apache-2.0
"""Well-known image classifiers, written as ONNX from their architecture with seeded random weights.

Speed does not depend on the values as long as activations stay in the normal range of float32, which weights drawn as
He et al. (2015) say ensure. The answers mean nothing.
"""

import math
import pathlib

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper


class Network:
    """A graph that grows layer by layer. Values are named by the strings that the methods return."""

    def __init__(self, name, size=224, opset=17):
        self.name = name
        self.opset = opset
        self.random = numpy.random.default_rng(sum(map(ord, name)))
        self.nodes, self.constants, self.channels = [], [], {"input": 3}
        self.input = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, size, size])

    def constant(self, values):
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def weights(self, *shape, fan=None, gain=2.0):
        fan = fan or math.prod(shape[1:])
        return self.constant((self.random.standard_normal(shape, numpy.float32) * math.sqrt(gain / fan)).astype("f4"))

    def add(self, operator, *inputs, channels=None, **attributes):
        output = f"{operator.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        self.channels[output] = channels if channels is not None else self.channels.get(inputs[0])
        return output

    def conv(self, x, channels, kernel, stride=1, pad=None, groups=1, bias=False):
        pad = kernel // 2 if pad is None else pad
        shape = (channels, self.channels[x] // groups, kernel, kernel)
        inputs = [x, self.weights(*shape)]
        if bias:
            inputs.append(self.constant(numpy.zeros(channels, "f4")))
        return self.add(
            "Conv", *inputs, channels=channels, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4,
            group=groups)

    def norm(self, x):
        count = self.channels[x]
        uniform = lambda low, high: self.constant(self.random.uniform(low, high, count).astype("f4"))
        return self.add(
            "BatchNormalization", x, uniform(0.9, 1.1), uniform(-0.1, 0.1), uniform(-0.1, 0.1), uniform(0.9, 1.1))

    def relu(self, x):
        return self.add("Relu", x)

    def silu(self, x):
        return self.add("Mul", x, self.add("Sigmoid", x))

    def leaky(self, x):
        return self.add("LeakyRelu", x, alpha=0.1)

    def max_pool(self, x, kernel, stride, pad=0):
        return self.add("MaxPool", x, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)

    def flat_mean(self, x):
        return self.add("Flatten", self.add("GlobalAveragePool", x), axis=1)

    def linear(self, x, inputs, outputs):
        weights, bias = self.weights(outputs, inputs, gain=1.0), self.constant(numpy.zeros(outputs, "f4"))
        return self.add("Gemm", x, weights, bias, channels=outputs, transB=1)

    def finish(self, x, classes=1000):
        self.nodes.append(helper.make_node("Identity", [x], ["output"], name="output"))
        output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, classes])
        graph = helper.make_graph(self.nodes, self.name, [self.input], [output], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        return model


def resnet50():
    """He et al. 2015, with the stride in the 3x3 convolution as torchvision has it."""
    net = Network("resnet50")
    x = net.max_pool(net.relu(net.norm(net.conv("input", 64, 7, 2))), 3, 2, 1)
    for stage, (width, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)]):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            y = net.relu(net.norm(net.conv(x, width, 1)))
            y = net.relu(net.norm(net.conv(y, width, 3, stride)))
            y = net.norm(net.conv(y, 4 * width, 1))
            if block == 0:
                x = net.norm(net.conv(x, 4 * width, 1, stride))
            x = net.relu(net.add("Add", y, x))
    return net.finish(net.linear(net.flat_mean(x), 2048, 1000))


def densenet201():
    """Huang et al. 2016."""
    net = Network("densenet201")
    x = net.max_pool(net.relu(net.norm(net.conv("input", 64, 7, 2))), 3, 2, 1)
    for stage, layers in enumerate([6, 12, 48, 32]):
        for _ in range(layers):
            y = net.conv(net.relu(net.norm(x)), 128, 1)
            y = net.conv(net.relu(net.norm(y)), 32, 3)
            x = net.add("Concat", x, y, axis=1, channels=net.channels[x] + 32)
        if stage < 3:
            x = net.conv(net.relu(net.norm(x)), net.channels[x] // 2, 1)
            x = net.add("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = net.relu(net.norm(x))
    return net.finish(net.linear(net.flat_mean(x), net.channels[x], 1000))


def vgg16():
    """Simonyan and Zisserman 2014."""
    net = Network("vgg16")
    x = "input"
    for width, count in [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]:
        for _ in range(count):
            x = net.relu(net.conv(x, width, 3, bias=True))
        x = net.max_pool(x, 2, 2)
    x = net.add("Flatten", x, axis=1)
    x = net.relu(net.linear(x, 512 * 7 * 7, 4096))
    return net.finish(net.linear(net.relu(net.linear(x, 4096, 4096)), 4096, 1000))


def efficientnet_b0():
    """Tan and Le 2019, with torchvision's symmetric padding."""
    net = Network("efficientnet-b0")
    x = net.silu(net.norm(net.conv("input", 32, 3, 2)))
    stages = [(1, 16, 1, 3, 1), (6, 24, 2, 3, 2), (6, 40, 2, 5, 2), (6, 80, 3, 3, 2), (6, 112, 3, 5, 1),
              (6, 192, 4, 5, 2), (6, 320, 1, 3, 1)]
    for expansion, width, blocks, kernel, first_stride in stages:
        for block in range(blocks):
            before, stride = net.channels[x], first_stride if block == 0 else 1
            inner = before * expansion
            y = x if expansion == 1 else net.silu(net.norm(net.conv(x, inner, 1)))
            y = net.silu(net.norm(net.conv(y, inner, kernel, stride, groups=inner)))
            gate = net.add("GlobalAveragePool", y)
            gate = net.silu(net.conv(gate, max(1, before // 4), 1, bias=True))
            gate = net.add("Sigmoid", net.conv(gate, inner, 1, bias=True))
            y = net.norm(net.conv(net.add("Mul", y, gate), width, 1))
            x = net.add("Add", y, x) if stride == 1 and before == width else y
    x = net.silu(net.norm(net.conv(x, 1280, 1)))
    return net.finish(net.linear(net.flat_mean(x), 1280, 1000))


def vit_b16():
    """Dosovitskiy et al. 2020; GELU and attention decomposed as PyTorch's exporter writes them for opset 17."""
    net = Network("vit-b16")
    width, heads, tokens = 768, 12, 197
    ints = lambda *values: net.constant(numpy.array(values, "i8"))
    number = lambda value: net.constant(numpy.array(value, "f4"))
    vector = lambda value: net.constant(numpy.full(width, value, "f4"))

    def product(x, inputs, outputs):
        y = net.add("MatMul", x, net.weights(inputs, outputs, fan=inputs, gain=1.0))
        return net.add("Add", net.constant(numpy.zeros(outputs, "f4")), y)

    norm = lambda x: net.add("LayerNormalization", x, vector(1), vector(0), axis=-1, epsilon=1e-6)
    x = net.conv("input", width, 16, 16, pad=0, bias=True)
    x = net.add("Transpose", net.add("Reshape", x, ints(1, width, 196)), perm=[0, 2, 1])
    x = net.add("Concat", net.weights(1, 1, width, gain=0.02), x, axis=1)
    x = net.add("Add", x, net.weights(1, tokens, width, gain=0.02))
    for _ in range(12):
        y = norm(x)
        split = []
        for index in range(3):
            part = net.add("Reshape", product(y, width, width), ints(1, tokens, heads, width // heads))
            split.append(net.add("Transpose", part, perm=[0, 2, 3, 1] if index == 1 else [0, 2, 1, 3]))
        scores = net.add("Mul", net.add("MatMul", split[0], split[1]), number((width // heads) ** -0.5))
        mixed = net.add("MatMul", net.add("Softmax", scores, axis=-1), split[2])
        mixed = net.add("Reshape", net.add("Transpose", mixed, perm=[0, 2, 1, 3]), ints(1, tokens, width))
        x = net.add("Add", x, product(mixed, width, width))
        y = product(norm(x), width, 4 * width)
        half = net.add("Add", net.add("Erf", net.add("Div", y, number(math.sqrt(2)))), number(1))
        y = net.add("Mul", net.add("Mul", y, half), number(0.5))
        x = net.add("Add", x, product(y, 4 * width, width))
    x = net.add("Gather", norm(x), net.constant(numpy.array(0, "i8")), axis=1)
    return net.finish(net.linear(x, width, 1000))


def _darknet(name, layers, classes, size=224):
    """Darknet's networks: numbers are convolutions `(channels, kernel)`, `None` is a pooling of 2."""
    net = Network(name, size)
    x = "input"
    for layer in layers:
        x = net.max_pool(x, 2, 2) if layer is None else net.leaky(net.norm(net.conv(x, *layer)))
    x = net.conv(x, classes, 1, bias=True)
    return net.finish(net.add("Softmax", net.flat_mean(x), axis=1), classes)


def darknet_reference():
    """The Darknet Reference network of pjreddie.com/darknet/imagenet."""
    layers = []
    for width in (16, 32, 64, 128, 256, 512):
        layers += [(width, 3), None]
    return _darknet("darknet-reference", layers + [(1024, 3)], 1000, 256)


def extraction():
    """The Extraction network of pjreddie.com/darknet/imagenet."""
    layers = [(64, 7, 2), None, (192, 3), None, (128, 1), (256, 3), (256, 1), (512, 3), None]
    layers += [(256, 1), (512, 3)] * 4 + [(512, 1), (1024, 3), None] + [(512, 1), (1024, 3)] * 2
    return _darknet("extraction", layers, 1000)


ALL = {
    "resnet50": resnet50, "densenet201": densenet201, "vgg16": vgg16, "efficientnet-b0": efficientnet_b0,
    "vit-b16": vit_b16, "darknet-reference": darknet_reference, "extraction": extraction,
}


def write(name, folder):
    """Writes the network unless it is there, and returns its path."""
    path = pathlib.Path(folder) / f"{name}.onnx"
    if not path.exists():
        model = ALL[name]()
        onnx.checker.check_model(model)
        temporary = path.with_suffix(".partial")
        onnx.save(model, temporary)
        temporary.rename(path)
    return path
