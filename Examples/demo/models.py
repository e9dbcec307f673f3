# SPDX-License-Identifier: Apache-2.0
"""The two networks of the demo. They share no weights, no layer widths and no training pictures."""

from network import Network


def classifier(side, classes, seed):
    """Residual network with depthwise convolution, squeeze and excitation, and a 16-value bottleneck."""
    net = Network(side, seed)
    net.conv_bn_relu("stem", 16).add("MaxPool", "stem.pool")
    net.conv_bn_relu("stage1", 24).add("MaxPool", "stage1.pool")

    start = net.last
    net.conv_bn_relu("stage2.block1", 24, number=1)
    net.conv("stage2.block1.conv2", 24).normalise("stage2.block1.bn2")
    net.add("Add", "stage2.block1.add", [net.last, start]).add("Relu", "stage2.block1.relu2")
    net.add("MaxPool", "stage2.pool")

    net.conv_bn_relu("stage3", 48)
    start = net.last
    net.conv("stage3.block1.depthwise", 48, depthwise=True).normalise("stage3.block1.bn1")
    net.add("Relu", "stage3.block1.relu1")
    net.conv("stage3.block1.pointwise", 48, kernel=1).normalise("stage3.block1.bn2")
    body = net.last
    net.add("GlobalAveragePool", "stage3.block1.squeeze")
    net.conv("stage3.block1.reduce", 12, kernel=1, bias=True).add("Relu", "stage3.block1.relu2")
    net.conv("stage3.block1.excite", 48, kernel=1, bias=True).add("Sigmoid", "stage3.block1.gate")
    net.add("Mul", "stage3.block1.scale", [body, net.last])
    net.add("Add", "stage3.block1.add", [net.last, start]).add("Relu", "stage3.block1.relu3")
    net.add("MaxPool", "stage3.pool")

    net.conv_bn_relu("neck", 16, kernel=1)
    net.add("GlobalAveragePool", "neck.pool").add("Flatten", "neck.flatten")
    net.gemm("head.fc1", 192).add("Relu", "head.relu1")
    net.gemm("head.fc2", 192).add("Relu", "head.relu2")
    return net.gemm("logits", classes).add("Softmax", "prob")


def validator(side, classes, seed):
    """Plain network with 5x5 kernels, leaky rectifiers and average pooling."""
    net = Network(side, seed)
    net.conv_bn_relu("block1", 16, kernel=5, stride=2, activation="LeakyRelu")
    net.conv_bn_relu("block2", 24, activation="LeakyRelu").add("AveragePool", "block2.pool")
    net.conv_bn_relu("block3", 32, kernel=5, activation="LeakyRelu").add("AveragePool", "block3.pool")
    net.conv_bn_relu("block4", 64, activation="LeakyRelu").add("MaxPool", "block4.pool")
    net.conv_bn_relu("block5", 64, activation="LeakyRelu")
    net.add("GlobalAveragePool", "block5.pool").add("Flatten", "flatten")
    return net.gemm("logits", classes).add("Softmax", "prob")
