// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

/// Where a result of a run is stored.
enum PlannedResult {
    /// The caller's tensor, with the result's type.
    case input(Int, TensorType)
    case constant(Tensor)
    /// The tensor that the run allocates for the output at this position.
    case made(Int, TensorType)
}

extension Lowering {
    /// Assigns a row-major tensor to each output of the graph, or finds the existing tensor that holds it.
    mutating func placeResults() throws(InferenceError) -> [PlannedResult] {
        var results: [PlannedResult] = []
        for (position, name) in draft.outputs.enumerated() {
            if let tensor = draft.constants[name] {
                results.append(.constant(tensor))
                continue
            }
            do throws(OneDNNError) {
                results.append(try placeResult(name, position))
            } catch { throw InferenceError(.libraryFailure, "output '\(name)': \(error.message)") }
        }
        return results
    }

    private mutating func placeResult(
        _ name: String, _ position: Int
    ) throws(OneDNNError) -> PlannedResult {
        let type = draft.type(name)
        let node = Draft.Node(name: name, kind: .view, inputs: [], output: name)
        var value = try value(of: name)
        value = try rowMajor(value, for: node)
        let root = root(of: value)
        if fillsItsRoot(value) {
            switch values[root].place {
            case .input(let input): return .input(input, type)
            case .arena:
                values[root].place = .output(position)
                return .made(position, type)
            case .output(let position): return .made(position, type)
            case .constant(let tensor, _):
                if let view = try? tensor.reshaped(type.shape.dimensions) { return .constant(view) }
            case .within, .laidOut: break
            }
        }
        // A value that is part of another one's memory is copied.
        let copy = try add(.output(position), type)
        if values[value].layout == nil {
            emit(
                .gather(type, offset: 0, strides: TensorLayout.rowMajorStrides(type.shape.dimensions)), [value],
                to: copy, for: node)
        } else {
            try emitReorder(value, copy, for: node)
        }
        return .made(position, type)
    }

    /// Whether the value fills the memory that contains it.
    private func fillsItsRoot(_ value: Int) -> Bool {
        var value = value
        let byteCount = values[value].byteCount
        while case .within(let parent, let offset) = values[value].place {
            guard offset == 0 else { return false }
            value = parent
        }
        return values[value].byteCount == byteCount
    }
}
