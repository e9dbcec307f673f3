// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Sections with other inputs than the previous layer.

extension Network {
    /// Layers concatenated along the channels; with `groups`, part `group_id` of each.
    mutating func route(_ section: inout Section) throws(DarknetImportError) -> Layer {
        guard let numbers = try section.integers("layers"), !numbers.isEmpty else {
            throw section.failure(.malformedConfiguration, "option 'layers' is missing")
        }
        let groups = try section.extent("groups", default: 1)
        let group = try section.integer("group_id", in: 0...groups - 1) ?? 0
        var parts: [Layer] = []
        for (index, number) in numbers.enumerated() {
            var part = try layer(number, from: section)
            if groups > 1 {
                let channels = part.shape[1]
                guard channels % groups == 0 else {
                    throw section.failure(.invalidNetwork, "\(channels) channels do not divide into \(groups) groups")
                }
                let size = channels / groups
                let slice = Slice(starts: [group * size], ends: [(group + 1) * size], axes: [1], steps: [1])
                part = try add(.slice(slice), [part], as: "part_\(index)", in: section)
            }
            parts.append(part)
        }
        guard parts.count > 1 else {
            return groups > 1 ? parts[0] : try add(.identity(Identity()), parts, as: "route", in: section)
        }
        return try add(.concat(Concat(axis: 1)), parts, as: "route", in: section)
    }

    /// An earlier layer with each channel multiplied by a value of this one; with `scale_wh`, each position.
    mutating func scaleChannels(_ section: inout Section) throws(DarknetImportError) -> Layer {
        let scaled = try image(try layer(try number(&section), from: section), in: section)
        let scales = try image(current, in: section)
        let expected =
            try section.flag("scale_wh")
            ? [1, scaled.shape[2], scaled.shape[3]] : [scaled.shape[1], 1, 1]
        return try product(scaled, scales, expected, &section, as: "scale_channels")
    }

    /// An earlier layer times this one, element by element.
    mutating func scaleElements(_ section: inout Section) throws(DarknetImportError) -> Layer {
        let scaled = try image(try layer(try number(&section), from: section), in: section)
        let scales = try image(current, in: section)
        return try product(scaled, scales, Array(scaled.shape.dimensions.dropFirst()), &section, as: "sam")
    }

    private func number(_ section: inout Section) throws(DarknetImportError) -> Int {
        let range = -Configuration.maximumSections...Configuration.maximumSections
        guard let number = try section.integer("from", in: range) else {
            throw section.failure(.malformedConfiguration, "option 'from' is missing")
        }
        return number
    }

    private mutating func product(
        _ scaled: Layer, _ scales: Layer, _ expected: [Int], _ section: inout Section, as role: String
    ) throws(DarknetImportError) -> Layer {
        guard Array(scales.shape.dimensions.dropFirst()) == expected else {
            throw section.failure(
                .invalidNetwork, "\(scales.shape) scales \(scaled.shape), expected \(expected) for each picture")
        }
        let activation = section.text("activation") ?? "linear"
        let result = try add(.arithmetic(Arithmetic(.multiply)), [scaled, scales], as: role, in: section)
        return try activate(result, activation, in: section)
    }

    /// Adds an earlier layer where both have elements: to the channels that both have, and from a larger map every
    /// second (third, …) element.
    mutating func shortcut(_ section: inout Section) throws(DarknetImportError) -> Layer {
        guard
            let number = try section.integer("from", in: -Configuration.maximumSections...Configuration.maximumSections)
        else { throw section.failure(.malformedConfiguration, "option 'from' is missing") }
        let activation = section.text("activation") ?? "linear"
        let (alpha, beta) = (try section.float("alpha", default: 1), try section.float("beta", default: 1))
        let kept = try image(current, in: section)
        var added = try image(try layer(number, from: section), in: section)
        let step = added.shape[3] / kept.shape[3]
        guard step >= 1, step == added.shape[2] / kept.shape[2] else {
            throw section.failure(
                .unsupported, "\(added.shape) is added to \(kept.shape): only pictures of a multiple of the size are")
        }
        if step > 1 || added.shape[2] != kept.shape[2] || added.shape[3] != kept.shape[3] {
            let ends = [kept.shape[2] * step, kept.shape[3] * step]
            let slice = Slice(starts: [0, 0], ends: ends, axes: [2, 3], steps: [step, step])
            added = try add(.slice(slice), [added], as: "strided", in: section)
        }
        let (channels, missing) = (kept.shape[1], kept.shape[1] - added.shape[1])
        if missing > 0 {
            guard alpha == 1 else {
                throw section.failure(.unsupported, "alpha=\(alpha) between layers of different depth")
            }
            added = try add(
                .pad(Pad(.constant, pads: [0, 0, 0, 0, 0, missing, 0, 0])), [added], as: "deepened", in: section)
        } else if missing < 0 {
            let slice = Slice(starts: [0], ends: [channels], axes: [1], steps: [1])
            added = try add(.slice(slice), [added], as: "shallowed", in: section)
        }
        var base = kept
        if alpha != 1 { base = try add(.multiply, base, alpha, as: "alpha", in: section) }
        if beta != 1 { added = try add(.multiply, added, beta, as: "beta", in: section) }
        let sum = try add(.arithmetic(Arithmetic(.add)), [base, added], as: "shortcut", in: section)
        return try activate(sum, activation, in: section)
    }
}
