// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Sections without weights.

extension Network {
    /// The window of a pooling. It pads size - 1 in total by default, half of it (rounded down) before.
    private static func poolingWindow(_ section: inout Section) throws(DarknetImportError) -> Window {
        let stride = try section.extent("stride", default: 1)
        let strides = [
            try section.extent("stride_y", default: stride), try section.extent("stride_x", default: stride),
        ]
        let size = try section.extent("size", default: stride)
        let padding = try section.integer("padding", in: 0...1 << 20) ?? size - 1
        let (before, after) = (padding / 2, padding - padding / 2)
        return Window(kernel: [size, size], strides: strides, pads: [before, before, after, after])
    }

    mutating func maxpool(_ section: inout Section) throws(DarknetImportError) -> Layer {
        let window = try Self.poolingWindow(&section)
        return try add(
            .pooling(Pooling(.maximum, window: window)), [try image(current, in: section)], as: "maxpool", in: section)
    }

    /// Average pooling, in which padding is not counted.
    mutating func localAvgpool(_ section: inout Section) throws(DarknetImportError) -> Layer {
        let window = try Self.poolingWindow(&section)
        return try add(
            .pooling(Pooling(.average, window: window)), [try image(current, in: section)], as: "local_avgpool",
            in: section)
    }

    mutating func avgpool(_ section: inout Section) throws(DarknetImportError) -> Layer {
        try add(
            .globalPooling(GlobalPooling(.average)), [try image(current, in: section)], as: "avgpool", in: section)
    }

    /// Over all values, over each of `groups` equal parts, or over the channels of each position.
    mutating func softmax(_ section: inout Section) throws(DarknetImportError) -> Layer {
        let groups = try section.extent("groups", default: 1)
        let temperature = try section.float("temperature", default: 1)
        guard section.text("tree") == nil else {
            throw section.failure(.unsupported, "hierarchies of classes (tree) are not supported")
        }
        guard temperature > 0 else { throw section.failure(.invalidNetwork, "temperature \(temperature)") }
        var input = try section.flag("spatial") ? current : try flat(current, in: section)
        if temperature != 1 { input = try add(.divide, input, temperature, as: "temperature", in: section) }
        guard groups > 1 else { return try add(.softmax(Softmax(axis: 1)), [input], as: "softmax", in: section) }
        guard input.shape.rank == 2, input.shape[1] % groups == 0 else {
            throw section.failure(.invalidNetwork, "\(input.shape) does not divide into \(groups) groups")
        }
        let parts = try add(
            .reshape(Reshape([0, groups, input.shape[1] / groups])), [input], as: "groups", in: section)
        let result = try add(.softmax(Softmax(axis: 2)), [parts], as: "softmax", in: section)
        return try add(.flatten(Flatten()), [result], as: "joined", in: section)
    }

    mutating func dropout(_ section: inout Section) throws(DarknetImportError) -> Layer {
        section.ignore(["probability", "dropblock", "dropblock_size_rel", "dropblock_size_abs"])
        return try add(.identity(Identity(isDropout: true)), [current], as: "dropout", in: section)
    }

    /// Crops the centre and, by default, maps 0...1 to -1...1. The other options are for training.
    mutating func crop(_ section: inout Section) throws(DarknetImportError) -> Layer {
        section.ignore(["flip", "angle", "saturation", "exposure", "shift"])
        let input = try image(current, in: section)
        let (height, width) = (input.shape[2], input.shape[3])
        let (newHeight, newWidth) = (
            try section.extent("crop_height", default: 1), try section.extent("crop_width", default: 1)
        )
        let keepsRange = try section.flag("noadjust")
        guard newHeight <= height, newWidth <= width else {
            throw section.failure(.invalidNetwork, "a crop of \(newWidth)x\(newHeight) from \(width)x\(height)")
        }
        let (top, left) = ((height - newHeight) / 2, (width - newWidth) / 2)
        let slice = Slice(
            starts: [top, left], ends: [top + newHeight, left + newWidth], axes: [2, 3], steps: [1, 1])
        let cropped = try add(.slice(slice), [input], as: "crop", in: section)
        guard !keepsRange else { return cropped }
        let doubled = try add(.multiply, cropped, 2, as: "range", in: section)
        return try add(.subtract, doubled, 1, as: "centre", in: section)
    }
}
