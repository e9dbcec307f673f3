// SPDX-License-Identifier: Apache-2.0
import OneDNN
import Tensors

/// A value of a plan in one layout.
struct PlannedValue {
    enum Place {
        /// In the arena, at an offset that is chosen after lowering.
        case arena
        /// In the tensor that the caller passes at this position.
        case input(Int)
        /// In the tensor that a run makes for this position of the results.
        case output(Int)
        /// In the plan's constants, once they are converted from this tensor. `layout` is the tensor's layout.
        case constant(Tensor, layout: TensorLayout?)
        /// In the plan's constants. The original tensor was released.
        case laidOut
        /// In the memory of another value, at this byte offset.
        case within(Int, byteOffset: Int)
    }

    var place: Place
    /// `nil` for element types that the engine does not pass to oneDNN. Such values are row-major.
    let layout: TensorLayout?
    let byteCount: Int
    /// A quantised element stands for its integer times this scale.
    var scale: Float = 1
}

/// A step before its operands have addresses. Values are indices in ``Lowering/values``.
struct PlannedStep {
    enum Code {
        case primitive(PrimitiveDescription, [(argument: Argument, value: Int)])
        case loop(Loop)
        case winograd(BlockedWinograd, WinogradValues)
    }

    let code: Code
    let sources: [Int]
    let destination: Int
    var description: PlanStep
}

/// Operands of a ``BlockedWinograd``.
struct WinogradValues {
    let source: Int
    let weights: Int
    let bias: Int?
    let addend: Int?

    var all: [Int] { [source, weights] + [bias, addend].compactMap(\.self) }
}

/// A step for which oneDNN has no primitive.
struct Loop: Sendable {
    let name: String
    /// Reads the sources, and writes every element of the destination or of the part of it that the step computes.
    let body: @Sendable (_ sources: [UnsafeRawPointer], _ destination: UnsafeMutableRawPointer) -> Void
}
