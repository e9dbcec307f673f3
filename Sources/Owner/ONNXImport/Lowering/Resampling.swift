// SPDX-License-Identifier: Apache-2.0
import Foundation
import ModelGraph
import Tensors

/// The mapping of one axis in `Resize`.
///
/// - Source: ONNX operator documentation of `Resize`, and its reference implementation.
struct Resampling {
    enum Filter { case nearest, linear, cubic }

    /// The rounding of `Upsample`, and of `Resize` before opset 11, which has no attribute for it: up where the axis gets
    /// smaller, else down.
    static let unstatedRounding = "unstated"

    var filter = Filter.nearest
    var coordinates = "half_pixel"
    var rounding = "round_prefer_floor"
    var cubicCoefficient = -0.75
    var excludesOutside = false
    var smooths = false
    var extrapolation: Double = 0

    /// Weights `[from, to]` of the axis; `nil` for an unknown mode.
    ///
    /// - Parameter region: Begin and end of the selected part of the axis, for `tf_crop_and_resize`.
    func weights(from: Int, to: Int, scale: Double, region: (Double, Double)) -> [Float]? {
        var weights = [Float](repeating: 0, count: from * to)
        for target in 0..<to {
            guard let position = position(target, from, to, scale, region) else { return nil }
            if isOutside(position, from) { continue }
            guard let taps = taps(at: position, from, scale) else { return nil }
            for (index, weight) in taps where weight != 0 {
                let clamped = min(max(index, 0), from - 1)
                weights[clamped * to + target] += Float(weight)
            }
        }
        return weights
    }

    /// 1 for each result that is outside the picture, where `tf_crop_and_resize` has the extrapolation value; else 0.
    func outside(from: Int, to: Int, scale: Double, region: (Double, Double)) -> [Float] {
        (0..<to).map { target in
            guard let position = position(target, from, to, scale, region) else { return 0 }
            return isOutside(position, from) ? 1 : 0
        }
    }

    private func isOutside(_ position: Double, _ from: Int) -> Bool {
        coordinates == "tf_crop_and_resize" && !(0...Double(from - 1)).contains(position)
    }

    /// Computed in float32, as ONNX Runtime does: a position that is an integer there must not fall below it here.
    private func position(
        _ target: Int, _ from: Int, _ to: Int, _ scale: Double, _ region: (Double, Double)
    ) -> Double? {
        let (x, extent, result, scale) = (Float(target), Float(from), Float(to), Float(scale))
        let position: Float
        switch coordinates {
        case "half_pixel": position = (x + 0.5) / scale - 0.5
        case "half_pixel_symmetric":
            let adjustment = result / (scale * extent)
            position = extent / 2 * (1 - adjustment) + (x + 0.5) / scale - 0.5
        case "pytorch_half_pixel": position = to > 1 ? (x + 0.5) / scale - 0.5 : 0
        case "align_corners": position = to == 1 ? 0 : x * (extent - 1) / (result - 1)
        case "asymmetric": position = x / scale
        case "tf_half_pixel_for_nn": position = (x + 0.5) / scale
        case "tf_crop_and_resize":
            let (begin, end) = (Float(region.0), Float(region.1))
            position =
                to > 1
                ? begin * (extent - 1) + x * (end - begin) * (extent - 1) / (result - 1)
                : 0.5 * (begin + end) * (extent - 1)
        default: return nil
        }
        return Double(position)
    }

    /// Indices into the axis, possibly out of range, with their weights.
    private func taps(at position: Double, _ extent: Int, _ scale: Double) -> [(index: Int, weight: Double)]? {
        if filter == .nearest {
            switch rounding {
            case "round_prefer_floor": return [(Int((position - 0.5).rounded(.up)), 1)]
            case "round_prefer_ceil": return [(Int((position + 0.5).rounded(.down)), 1)]
            case "floor": return [(Int(position.rounded(.down)), 1)]
            case "ceil": return [(Int(position.rounded(.up)), 1)]
            case Self.unstatedRounding: return [(Int(position.rounded(scale < 1 ? .up : .down)), 1)]
            default: return nil
            }
        }
        // Antialiasing widens the filter by the reduction factor.
        let stretch = smooths && scale < 1 ? scale : 1
        let radius = (filter == .linear ? 1.0 : 2.0) / stretch
        let first = Int((position - radius).rounded(.down)) + 1
        let last = Int((position + radius).rounded(.up)) - 1
        guard first <= last else { return [(Int(position.rounded()), 1)] }
        var taps = (first...last).map { ($0, kernel(abs(Double($0) - position) * stretch)) }
        if excludesOutside { taps = taps.map { ($0.0, (0..<extent).contains($0.0) ? $0.1 : 0) } }
        let sum = taps.reduce(0) { $0 + $1.1 }
        return sum == 0 ? taps : taps.map { ($0.0, $0.1 / sum) }
    }

    private func kernel(_ x: Double) -> Double {
        guard filter == .cubic else { return max(0, 1 - x) }
        let a = cubicCoefficient
        if x <= 1 { return (a + 2) * x * x * x - (a + 3) * x * x + 1 }
        return x < 2 ? a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a : 0
    }
}

extension ImportedNode {
    /// Since opset 11: x, region, scales, sizes; in opset 10: x, scales, as in the older `Upsample`.
    mutating func resize() throws(ONNXImportError) -> Lowered {
        let shape = try shape(0)
        var resampling = Resampling()
        resampling.filter = try filter()
        let isNew = operatorName == "Resize" && opset >= 11
        if isNew {
            resampling.coordinates = try text("coordinate_transformation_mode") ?? "half_pixel"
            resampling.rounding = try text("nearest_mode") ?? "round_prefer_floor"
            resampling.cubicCoefficient = Double(try float("cubic_coeff_a") ?? -0.75)
            resampling.excludesOutside = try flag("exclude_outside")
            resampling.extrapolation = Double(try float("extrapolation_value") ?? 0)
            resampling.smooths = try flag("antialias")
        } else {
            (resampling.coordinates, resampling.rounding) = ("asymmetric", Resampling.unstatedRounding)
        }
        let axes = try resolved(
            isNew && opset >= 18 ? try integers("axes") ?? Array(0..<shape.rank) : Array(0..<shape.rank), shape.rank)
        let targets = try targets(
            shape, axes, isNew,
            policy: isNew && opset >= 18 ? try text("keep_aspect_ratio_policy") ?? "stretch" : "stretch")
        let region = resampling.coordinates == "tf_crop_and_resize" ? try constant(1, "region")?.numbers() ?? [] : []
        try require(
            resampling.coordinates != "tf_crop_and_resize" || region.count == 2 * axes.count, "the region is missing")
        return try expansion { (steps) throws(ONNXImportError) in
            var (x, isSame) = (try source(0), true)
            for (place, axis) in axes.enumerated() {
                let (from, to, scale) = (shape[axis], targets[place].extent, targets[place].scale)
                let part = region.isEmpty ? (0, 1) : (region[place], region[axes.count + place])
                if from == to, part == (0, 1), scale == 1 { continue }
                try requireMatrix(from, to)
                guard let weights = resampling.weights(from: from, to: to, scale: scale, region: part) else {
                    throw failure(
                        .unsupported,
                        "coordinates '\(resampling.coordinates)' or rounding '\(resampling.rounding)' are not known")
                }
                x = try mapped(&steps, x, rank: shape.rank, axis: axis, from: from, to: to, weights)
                isSame = false
                let outside = resampling.outside(from: from, to: to, scale: scale, region: part)
                guard resampling.extrapolation != 0, outside.contains(1) else { continue }
                x = try extrapolated(&steps, x, outside, Float(resampling.extrapolation), rank: shape.rank, axis: axis)
            }
            return isSame ? steps.add(.identity(Identity()), x) : x
        }
    }

    /// The value instead of the elements along the axis for which `outside` is 1.
    private func extrapolated(
        _ steps: inout Expansion, _ x: Expansion.Source, _ outside: [Float], _ value: Float, rank: Int, axis: Int
    ) throws(ONNXImportError) -> Expansion.Source {
        var extents = [Int](repeating: 1, count: rank)
        extents[axis] = outside.count
        func constant(_ values: [Float]) throws(ONNXImportError) -> Expansion.Source {
            .constant(
                try ConstantFolder.checked { () throws(TensorError) in try Tensor(values, shape: extents) })
        }
        let kept = steps.add(.multiply, x, try constant(outside.map { 1 - $0 }))
        return steps.add(.add, kept, try constant(outside.map { $0 * value }))
    }

    private mutating func filter() throws(ONNXImportError) -> Resampling.Filter {
        switch try text("mode") ?? "nearest" {
        case "nearest": return .nearest
        case "linear", "bilinear": return .linear
        case "cubic": return .cubic
        case let other: throw failure(.malformed, "attribute 'mode' is '\(other.prefix(40))'")
        }
    }

    /// The new extent of each axis, and the factor from which ONNX computes positions.
    private mutating func targets(
        _ shape: Shape, _ axes: [Int], _ isNew: Bool, policy: String
    ) throws(ONNXImportError) -> [(extent: Int, scale: Double)] {
        var scales: [Double]?
        if operatorName == "Upsample", opset < 9 {
            scales = try floats("scales")?.map(Double.init)
        } else {
            scales = try constant(isNew ? 2 : 1, "scales")?.numbers()
        }
        var results: [(extent: Int, scale: Double)] = []
        if isNew, let sizes = try constantIntegers(3, "sizes"), !sizes.isEmpty {
            try require(sizes.count == axes.count, "\(sizes.count) sizes for \(axes.count) axes")
            try require(sizes.allSatisfy { (1...1 << 24).contains($0) }, "sizes \(sizes.prefix(12))")
            var factors = zip(axes, sizes).map { Double($1) / Double(max(shape[$0], 1)) }
            var extents = sizes
            if policy != "stretch" {
                let factor = policy == "not_larger" ? factors.min() ?? 1 : factors.max() ?? 1
                extents = axes.map { Int((Double(shape[$0]) * factor).rounded()) }
                factors = factors.map { _ in factor }
            }
            results = zip(extents, factors).map { ($0, $1) }
        } else if let scales, !scales.isEmpty {
            try require(scales.count == axes.count, "\(scales.count) scales for \(axes.count) axes")
            for (axis, scale) in zip(axes, scales) {
                let extent = (Double(shape[axis]) * scale).rounded(.down)
                try require(scale > 0 && extent >= 1 && extent < 1e7, "a scale of \(scale)")
                results.append((Int(extent), scale))
            }
        } else {
            throw failure(.invalidGraph, "scales and sizes are missing")
        }
        for (axis, result) in zip(axes, results) {
            try require(
                result.extent >= 1 && result.extent <= 1 << 24 && shape[axis] >= 1, "\(shape) to \(result.extent)")
        }
        return results
    }
}
