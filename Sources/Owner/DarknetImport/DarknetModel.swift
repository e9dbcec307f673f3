// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
package import Tensors

/// A trained network from Darknet's `.cfg` and `.weights`.
///
/// The graph computes what Darknet computes at inference; see https://github.com/pjreddie/darknet, whose results are
/// stored in the tests.
package struct DarknetModel: Sendable {
    package let graph: Graph
    /// The preprocessing of Darknet's classifier.
    package let preprocessing: Preprocessing?

    /// Supported sections, sorted; `net` begins every file.
    package static let sections = [
        "activation", "avgpool", "batchnorm", "connected", "convolutional", "cost", "crop", "dropout", "local",
        "local_avgpool", "logistic", "maxpool", "route", "sam", "scale_channels", "shortcut", "softmax",
    ]

    /// Supported activations, sorted.
    package static let activations = [
        "elu", "gelu", "hard_mish", "hardtan", "leaky", "lhtan", "linear", "logistic", "loggy", "mish", "plse", "ramp",
        "relie",
        "relu", "relu6", "selu", "swish", "tanh",
    ]

    /// - Parameters:
    ///   - name: Name of the graph.
    ///   - configuration: The `.cfg` file.
    ///   - weights: The `.weights` file.
    ///   - batch: The first dimension of the input; the configuration's batch size is for training.
    ///   - allocator: Allocates the memory of the weights.
    /// - Throws: ``DarknetImportError``.
    package init(
        name: String, configuration: RawSpan, weights: RawSpan, batch: Int = 1,
        allocator: StorageAllocator = .standard
    ) throws(DarknetImportError) {
        let sections = try Configuration(configuration).sections
        guard var net = sections.first, net.kind == "net" || net.kind == "network" else {
            throw DarknetImportError(
                .malformedConfiguration, "this is not a Darknet configuration: it does not begin with [net]")
        }
        let extents = [
            try net.extent("channels", default: 0), try net.extent("height", default: 0),
            try net.extent("width", default: 0),
        ]
        guard !extents.contains(0) else {
            throw net.failure(.invalidNetwork, "channels, height and width are \(extents), expected at least 1")
        }
        guard (1...1 << 16).contains(batch) else { throw net.failure(.invalidNetwork, "a batch of \(batch)") }
        let input: Value
        do throws(TensorError) {
            input = Value(name: "input", type: TensorType(.float32, try Shape([batch] + extents)))
        } catch { throw net.failure(.invalidNetwork, error.message) }

        var network = Network(input: input)
        var file = try Weights(weights, allocator: allocator)
        var output: String?
        for var section in sections.dropFirst() {
            let layer = try network.layer(of: &section, &file)
            try section.finish()
            if section.kind != "cost" { output = layer.value }
            network.finish(with: layer)
        }
        try file.finish()
        guard let output, output != input.name else {
            throw DarknetImportError(.invalidNetwork, "the configuration has no layer")
        }
        graph = try network.graph(name: String(name.prefix(1000)), output: output)
        // Darknet scales pixels to 0...1 and letterboxes the image into the network's input, on grey.
        preprocessing =
            extents[0] == 3
            ? try? Preprocessing(
                width: extents[2], height: extents[1], channels: .rgb, resize: .darknetLetterbox,
                interpolation: .bilinear, mean: [0, 0, 0], std: [255, 255, 255])
            : nil
    }
}

extension Network {
    /// The layer that a section computes from the one before it.
    fileprivate mutating func layer(
        of section: inout Section, _ weights: inout Weights
    ) throws(DarknetImportError) -> Layer {
        // Options for training.
        section.ignore(["learning_rate", "learning_rate_scale", "stopbackward", "onlyforward"])
        switch section.kind {
        case "convolutional", "conv": return try convolutional(&section, &weights)
        case "connected", "conn": return try connected(&section, &weights)
        case "local": return try local(&section, &weights)
        case "batchnorm": return try batchnorm(&section, &weights)
        case "maxpool", "max": return try maxpool(&section)
        case "avgpool", "avg": return try avgpool(&section)
        case "softmax", "soft": return try softmax(&section)
        case "dropout": return try dropout(&section)
        case "crop": return try crop(&section)
        case "route": return try route(&section)
        case "shortcut": return try shortcut(&section)
        case "scale_channels": return try scaleChannels(&section)
        case "sam": return try scaleElements(&section)
        case "local_avgpool": return try localAvgpool(&section)
        case "activation":
            let activation = section.text("activation") ?? "linear"
            guard activation != "linear" else {
                return try add(.identity(Identity()), [current], as: "linear", in: section)
            }
            return try activate(current, activation, in: section)
        case "logistic": return try activate(current, "logistic", in: section)
        case "cost":
            section.ignoreAll()
            return current
        default:
            throw section.failure(
                .unsupported,
                "this kind of section is not supported, only \(DarknetModel.sections.joined(separator: ", "))")
        }
    }
}
