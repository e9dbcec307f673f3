// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
import Tensors

/// The format to which the weights of convolutions and matrix products are rounded before all other steps.
package enum StoredWeights: String, Sendable, CaseIterable {
    /// The nearest bfloat16, ties to even, of every constant of two axes or more that they multiply by. Files store
    /// it in two bytes.
    case bfloat16 = "bf16"
    /// An integer from -127 to 127 times a scale of the output channel, of the largest magnitude in the channel by 127.
    /// The second operand of a product has output channels. Files store the integer, and the scale once. Channels of
    /// fewer than 32 weights, such as those of depthwise convolutions, stay as they are: they are few, and the answers
    /// depend on them most.
    case integer8 = "int8"
}

extension Graph {
    /// Rounds the weights where they are, so that a second copy of a large network's weights never exists.
    ///
    /// - Precondition: The graph was just read: nothing else uses its constants.
    package func roundWeightsInPlace(to stored: StoredWeights) {
        switch stored {
        case .bfloat16:
            var names: Set<String> = []
            for node in nodes where node.operation.isProduct { names.formUnion(node.inputs.prefix(2)) }
            for name in names {
                guard let tensor = constants[name], tensor.element == .float32, tensor.shape.rank >= 2 else { continue }
                let elements = tensor.mutableFloats
                for index in elements.indices { elements[index] = elements[index].roundedToBFloat16 }
            }
        case .integer8:
            for (name, axis) in channelAxes {
                guard let tensor = constants[name] else { continue }
                let elements = tensor.mutableFloats
                let channels = Channels(tensor.shape, axis: axis)
                guard let scales = channels.scales(UnsafeBufferPointer(elements), rounding: true) else { continue }
                channels.visit { index, channel in
                    elements[index] = (elements[index] / scales[channel]).rounded(.toNearestOrEven) * scales[channel]
                }
            }
        }
    }

    /// The same graph with those weights as integers that rounding to ``StoredWeights/integer8`` left: each becomes the
    /// result of a `DequantizeLinear` of constants. Every value stays the same, to the last bit. Weights of several
    /// nodes stay as they are: a cut between these nodes would make the result a boundary tensor.
    package func storingIntegers() throws(GraphError) -> Graph {
        let axes = channelAxes
        var uses: [String: Int] = [:]
        for node in nodes { for input in node.inputs { uses[input, default: 0] += 1 } }
        var (constants, made) = (constants, [Node]())
        var names = Set(types.keys).union(nodes.map(\.name))
        func fresh(_ base: String) -> String {
            var name = base
            while !names.insert(name).inserted { name += "'" }
            return name
        }
        for node in nodes {
            if node.operation.isProduct, let axis = axes[node.inputs[1]], uses[node.inputs[1]] == 1,
                let tensor = constants[node.inputs[1]], let integers = tensor.asIntegers(axis: axis)
            {
                let weights = node.inputs[1]
                let operands = ["integers", "scales", "zeros"].map { fresh("\(weights) as \($0)") }
                constants[weights] = nil
                (constants[operands[0]], constants[operands[1]], constants[operands[2]]) = integers
                made.append(
                    Node(
                        name: fresh("\(weights) from integers"),
                        operation: .dequantizeLinear(DequantizeLinear(axis: axis)), inputs: operands, outputs: [weights]
                    ))
            }
            made.append(node)
        }
        return try Graph(name: name, inputs: inputs, outputs: outputs, nodes: made, constants: constants)
    }

    /// The weights with output channels, and the axis of these. A constant with another use is excluded.
    private var channelAxes: [String: Int] {
        var axes: [String: Int] = [:]
        var others: Set<String> = Set(outputs)
        for node in nodes {
            for (position, input) in node.inputs.enumerated() {
                guard let tensor = constants[input] else { continue }
                guard position == 1, let axis = node.operation.channelAxis(ofRank: tensor.shape.rank),
                    tensor.element == .float32, tensor.shape.rank >= 2, axes[input] ?? axis == axis,
                    tensor.shape.elementCount >= StoredWeights.fewestWeights * tensor.shape[axis]
                else {
                    others.insert(input)
                    continue
                }
                axes[input] = axis
            }
        }
        // Names of the same elements.
        let places = Dictionary(grouping: axes.keys) { name in constants[name]?.place }
        for names in places.values where names.count > 1 { others.formUnion(names) }
        return axes.filter { !others.contains($0.key) }
    }
}

extension ModelGraph.Operation {
    fileprivate var isProduct: Bool {
        switch self {
        case .convolution, .matMul, .gemm: true
        default: false
        }
    }

    /// The axis of the output channels of the second operand; `nil` if this is no product.
    fileprivate func channelAxis(ofRank rank: Int) -> Int? {
        switch self {
        case .convolution: 0
        case .matMul: rank - 1
        case .gemm(let gemm): gemm.transposeB ? 0 : 1
        default: nil
        }
    }
}

/// The elements of a tensor by their index along one axis.
private struct Channels {
    let outer, count, inner: Int

    init(_ shape: Shape, axis: Int) {
        outer = shape.dimensions[..<axis].reduce(1, *)
        count = shape[axis]
        inner = shape.dimensions[(axis + 1)...].reduce(1, *)
    }

    /// Calls `body` with the position of each element and its channel.
    func visit(_ body: (_ index: Int, _ channel: Int) -> Void) {
        var index = 0
        for _ in 0..<outer {
            for channel in 0..<count {
                for _ in 0..<inner {
                    body(index, channel)
                    index += 1
                }
            }
        }
    }

    /// The scale of each channel, 1 for a channel of zeros.
    ///
    /// - Parameter rounding: Whether scales are rounded up to 17 significant bits. A product of such a scale and an
    ///   integer of 7 bits is a float32, so that scales can be found again from the products.
    /// - Returns: `nil` where a channel has an infinity or NaN, or is too large for a scale.
    func scales(_ elements: UnsafeBufferPointer<Float>, rounding: Bool) -> [Float]? {
        var largest = [Float](repeating: 0, count: count)
        var isFinite = true
        visit { index, channel in
            let magnitude = elements[index].magnitude
            isFinite = isFinite && magnitude.isFinite
            if magnitude > largest[channel] { largest[channel] = magnitude }
        }
        guard isFinite else { return nil }
        let scales = largest.map { (largest: Float) -> Float in
            let scale = largest / StoredWeights.largestInteger
            guard scale.isNormal else { return 1 }
            return rounding ? Float(bitPattern: (scale.bitPattern + 0x7F) & ~0x7F) : scale
        }
        return scales.allSatisfy { ($0 * StoredWeights.largestInteger).isFinite } ? scales : nil
    }
}

extension StoredWeights {
    fileprivate static let largestInteger: Float = 127
    /// The least number of weights of an output channel that are rounded to integers.
    fileprivate static let fewestWeights = 32
}

extension Tensor {
    /// The elements, to be written by the only user of the tensor.
    fileprivate var mutableFloats: UnsafeMutableBufferPointer<Float> {
        UnsafeMutableBufferPointer(
            start: (storage.base + byteOffset).assumingMemoryBound(to: Float.self), count: shape.elementCount)
    }

    fileprivate struct Place: Hashable {
        let storage: ObjectIdentifier
        let byteOffset: Int
    }

    fileprivate var place: Place { Place(storage: ObjectIdentifier(storage), byteOffset: byteOffset) }

    /// Integers, and scales and zeros for each index of the axis, whose products the elements are.
    ///
    /// - Returns: `nil` where they are no such products, or where this takes no fewer bytes.
    fileprivate func asIntegers(axis: Int) -> (integers: Tensor, scales: Tensor, zeros: Tensor)? {
        let channels = Channels(shape, axis: axis)
        guard shape.elementCount + channels.count * 5 < byteCount, let ofScales = try? Shape([channels.count]) else {
            return nil
        }
        return withElements(as: Float.self) { elements in
            guard let scales = channels.scales(elements, rounding: false) else { return nil }
            var isExact = true
            let integers = Tensor(type: TensorType(.int8, shape)) { bytes in
                let integers = bytes.bindMemory(to: Int8.self)
                channels.visit { index, channel in
                    let integer = (elements[index] / scales[channel]).rounded(.toNearestOrEven)
                    isExact = isExact && integer * scales[channel] == elements[index]
                    integers[index] = Int8(integer)
                }
            }
            guard isExact else { return nil }
            return (
                integers,
                Tensor(type: TensorType(.float32, ofScales)) { bytes in
                    bytes.withMemoryRebound(to: Float.self) { _ = $0.update(fromContentsOf: scales) }
                },
                Tensor(type: TensorType(.int8, ofScales)) { _ in }
            )
        }
    }
}

extension Float {
    /// The nearest bfloat16, ties to even. NaN stays NaN, and a finite value finite.
    fileprivate var roundedToBFloat16: Float {
        guard isFinite else { return isNaN ? .nan : self }
        let bits = bitPattern
        let rounded = Float(bitPattern: (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000)
        return rounded.isFinite ? rounded : Float(bitPattern: bits & 0xFFFF_0000)
    }
}
