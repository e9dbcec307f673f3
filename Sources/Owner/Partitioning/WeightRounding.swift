// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
import Tensors

extension Graph {
    /// Rounds the constants that convolutions and matrix products multiply by, of two axes or more, to the nearest
    /// bfloat16, ties to even. Files store them in half the bytes then. They are rounded where they are, so that a
    /// second copy of a large network's weights never exists.
    ///
    /// - Precondition: The graph was just read: nothing else uses its constants.
    package func roundWeightsInPlace() {
        var names: Set<String> = []
        for node in nodes {
            switch node.operation {
            case .convolution, .matMul, .gemm: names.formUnion(node.inputs.prefix(2))
            default: break
            }
        }
        for name in names {
            guard let tensor = constants[name], tensor.element == .float32, tensor.shape.rank >= 2 else { continue }
            let bytes = UnsafeMutableRawBufferPointer(
                rebasing: tensor.storage.mutableBytes[tensor.byteOffset..<tensor.byteOffset + tensor.byteCount])
            for offset in stride(from: 0, to: bytes.count, by: 4) {
                let value = Float(bitPattern: bytes.load(fromByteOffset: offset, as: UInt32.self))
                bytes.storeBytes(of: value.roundedToBFloat16.bitPattern, toByteOffset: offset, as: UInt32.self)
            }
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
