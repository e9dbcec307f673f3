// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// The input elements of a sliding window, for each position of the result within a plane.
struct WindowPositions {
    struct Tap {
        /// Position within the kernel.
        let kernel: Int
        /// Position within the plane of the input.
        let input: Int
    }

    struct Position {
        /// The elements inside the input, in the kernel's order.
        var taps: [Tap] = []
        /// How many elements lie inside the input or its padding. A window may reach beyond both if the extents were
        /// rounded up.
        var countWithPadding = 0
    }

    /// One for each element of a plane of the result.
    let positions: [Position]

    /// - Parameters:
    ///   - input: Spatial extents of the input.
    ///   - result: Spatial extents of the result.
    init(_ window: Window, input: [Int], result: [Int]) throws(TensorError) {
        let (input, result, kernel) = (try Shape(input), try Shape(result), try Shape(window.kernel))
        positions = (0..<result.elementCount).map { element in
            let corner = result.indices(of: element)
            var position = Position()
            for tap in 0..<kernel.elementCount {
                let offsets = kernel.indices(of: tap)
                let coordinates = offsets.indices.map {
                    corner[$0] * window.strides[$0] + offsets[$0] * window.dilations[$0] - window.padBefore($0)
                }
                let isInside = coordinates.indices.allSatisfy { (0..<input[$0]).contains(coordinates[$0]) }
                let isInPadding = coordinates.indices.allSatisfy {
                    coordinates[$0] < input[$0] + window.padAfter($0)
                }
                if isInside { position.taps.append(Tap(kernel: tap, input: input.position(of: coordinates))) }
                if isInPadding { position.countWithPadding += 1 }
            }
            return position
        }
    }
}

extension ReferenceExecutor {
    /// Operands: x `[n, c, spatial…]`, weights `[m, c / groups, kernel…]`, optionally a bias `[m]`.
    static func convolve(_ operands: [FloatArray], _ convolution: Convolution, _ result: Shape) throws -> [Float] {
        let (input, weights) = (operands[0], operands[1])
        let windows = try WindowPositions(
            convolution.window, input: Array(input.shape.dimensions.dropFirst(2)),
            result: Array(result.dimensions.dropFirst(2)))
        let channelsPerGroup = weights.shape[1]
        let filtersPerGroup = weights.shape[0] / convolution.groups
        let kernelCount = convolution.window.kernel.reduce(1, *)
        var values: [Float] = []
        values.reserveCapacity(result.elementCount)
        for image in 0..<result[0] {
            for filter in 0..<result[1] {
                let firstChannel = image * input.shape[1] + filter / filtersPerGroup * channelsPerGroup
                for window in windows.positions {
                    var sum = operands.count == 3 ? Double(operands[2].values[filter]) : 0
                    for channel in 0..<channelsPerGroup {
                        let plane = (firstChannel + channel) * input.planeCount
                        let kernel = (filter * channelsPerGroup + channel) * kernelCount
                        for tap in window.taps {
                            sum += Double(input.values[plane + tap.input]) * Double(weights.values[kernel + tap.kernel])
                        }
                    }
                    values.append(Float(sum))
                }
            }
        }
        return values
    }

    static func pool(_ input: FloatArray, _ pooling: Pooling, _ result: Shape) throws -> [Float] {
        let windows = try WindowPositions(
            pooling.window, input: Array(input.shape.dimensions.dropFirst(2)),
            result: Array(result.dimensions.dropFirst(2)))
        var values: [Float] = []
        for plane in 0..<result[0] * result[1] {
            for window in windows.positions {
                let elements = window.taps.map { input.values[plane * input.planeCount + $0.input] }
                switch pooling.kind {
                case .maximum: values.append(elements.reduce(-.infinity, Swift.max))
                case .average: values.append(mean(elements, of: elements.count))
                case .averageWithPadding: values.append(mean(elements, of: window.countWithPadding))
                }
            }
        }
        return values
    }

    static func poolGlobally(_ input: FloatArray, _ pooling: GlobalPooling) -> [Float] {
        (0..<input.shape[0] * input.shape[1]).map { plane in
            let elements = input.values[plane * input.planeCount..<(plane + 1) * input.planeCount]
            return switch pooling.kind {
            case .maximum: elements.reduce(-.infinity, Swift.max)
            case .average: mean(elements, of: elements.count)
            }
        }
    }

    static func mean(_ elements: some Sequence<Float>, of count: Int) -> Float {
        Float(elements.reduce(0.0) { $0 + Double($1) } / Double(count))
    }
}
