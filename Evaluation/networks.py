# SPDX-License-Identifier: Apache-2.0
"""What the evaluation looks at, and how closely. Paths are those of the shared folder."""

import dataclasses

# Pictures; of them those of the channel KL; and the seed. Few, so that the whole run takes about half an hour of one core.
PICTURES, KL_PICTURES, SEED = 120, 24, 1
# What an enclave of the first SGX generation could use without paging, 93 MiB.
ENCLAVE_BYTES = 93 << 20


@dataclasses.dataclass(frozen=True)
class Trained:
    """A trained network: its leakage and its cost."""

    name: str
    kind: str
    images: str
    # An independent classifier of such pictures; None where there is none.
    validator: str | None
    # Shallow to deep.
    cuts: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Priced:
    """A network of the paper, with random weights: only its cost, which does not depend on their values."""

    name: str
    configuration: str
    # At most so many of its cuts, evenly by depth.
    cuts: int = 12


TRAINED = (
    Trained(
        "tiny-darknet", "plain, 1x1 bottlenecks, 16 layers", "imagenet", "squeezenet-1.1",
        ("layer0_convolutional_leaky", "layer1_maxpool", "layer3_maxpool", "layer8_maxpool", "layer13_maxpool",
         "layer17_convolutional_leaky", "layer18_convolutional_leaky", "layer20_avgpool_flat")),
    Trained(
        "squeezenet-1.1", "fire modules, 18 layers", "imagenet", "mobilenet-v2-1.0",
        ("convrelu_0_relu", "maxpool2d_27", "cat_0", "maxpool2d_28", "maxpool2d_29", "cat_5", "cat_7", "flatten_57")),
    Trained(
        "mobilenet-v2-1.0", "inverted residuals, 53 layers", "imagenet", "squeezenet-1.1",
        ("conv_2d_0_relu6", "conv_2d_2", "add_9", "add_20", "add_35", "add_46", "add_57", "average_pool_2d_62")),
    Trained(
        "resnet56-cifar10", "residual, 56 layers, 32x32", "cifar10", "resnet20-cifar10",
        ("relu1", "layer1.4.relu2", "layer1.8.relu2", "layer2.4.relu2", "layer2.8.relu2", "layer3.4.relu2",
         "layer3.8.relu2", "flatten")),
    Trained(
        "malaria-cells", "residual, 7 layers, two classes", "malaria", None,
        ("conv2d_7_relu", "conv2d_8_relu", "max_pooling2d_2", "add_2", "add_3", "max_pooling2d_3",
         "global_average_pooling2d_1_flatten")),
)

PRICED = (
    Priced("Darknet Reference", "darknet.cfg"),
    Priced("Extraction", "extraction.cfg"),
    Priced("DenseNet-201", "densenet201.cfg"),
)
