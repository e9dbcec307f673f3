import Tensors

extension Tensor {
    /// Whether no element is infinite or not a number. Reads every element, whatever it finds.
    var isFinite: Bool {
        guard element == .float32 else { return true }
        return withElements(as: UInt32.self) { bits in
            var worst: UInt32 = 0
            for value in bits { worst = max(worst, value & 0x7F80_0000) }
            return worst < 0x7F80_0000
        }
    }
}
