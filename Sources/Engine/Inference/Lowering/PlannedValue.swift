import OneDNN
import Tensors

/// A value of a plan under one layout.
struct PlannedValue {
    enum Place {
        /// In the arena, at an offset that is decided last.
        case arena
        /// In the tensor that the caller passes at this position.
        case input(Int)
        /// In the tensor that a run makes for this position of the results.
        case output(Int)
        /// Copied from a tensor, whose elements lie as `layout` says, into the plan's constants.
        case constant(Tensor, layout: TensorLayout?)
        /// In the plan's constants; nothing else of it is left.
        case laidOut
        /// In the memory of another value, this many bytes after its beginning.
        case within(Int, byteOffset: Int)
    }

    var place: Place
    /// `nil` for elements that oneDNN does not compute with: those lie row-major.
    let layout: TensorLayout?
    let byteCount: Int
    /// What a quantised element stands for is this many times its integer.
    var scale: Float = 1
}

/// One step before buffers have addresses. Values are positions in ``Lowering/values``.
struct PlannedStep {
    enum Code {
        case primitive(PrimitiveDescription, [(argument: Argument, value: Int)])
        case loop(Loop)
    }

    let code: Code
    let sources: [Int]
    let destination: Int
    var description: PlanStep
}

/// A step that oneDNN has no primitive for.
struct Loop: Sendable {
    let name: String
    /// Reads the sources and writes every element of the destination (or of the part of it that the step makes).
    let body: @Sendable (_ sources: [UnsafeRawPointer], _ destination: UnsafeMutableRawPointer) -> Void
}
