// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// The graph under construction, section by section.
struct Network {
    /// A value and its shape, batch first.
    struct Layer {
        var value: String
        var shape: Shape
    }

    let input: Value
    /// Bytes of generated kernels, which no weights are read for.
    var madeBytes = 0
    /// Limit of ``madeBytes``: a section of three lines can ask for 16 MiB.
    static let maximumMadeBytes = 1 << 28
    private(set) var nodes: [Node] = []
    private(set) var constants: [String: Tensor] = [:]
    /// The output of each section, in order.
    private(set) var layers: [Layer] = []
    /// The input of the next section.
    private(set) var current: Layer

    init(input: Value) {
        self.input = input
        current = Layer(value: input.name, shape: input.type.shape)
    }

    /// Completes a section.
    mutating func finish(with layer: Layer) {
        layers.append(layer)
        current = layer
    }

    /// The layer that an option names: counted from 0, or backwards from the section if negative.
    func layer(_ number: Int, from section: Section) throws(DarknetImportError) -> Layer {
        let index = number < 0 ? section.layer + number : number
        guard layers.indices.contains(index) else {
            throw section.failure(.invalidNetwork, "there is no layer \(number) before it")
        }
        return layers[index]
    }

    /// Adds a node and returns its result.
    ///
    /// - Parameter role: The node's purpose in its section, which becomes part of its name.
    mutating func add(
        _ operation: Operation, _ operands: [Layer], constants: [(name: String, tensor: Tensor)] = [],
        as role: String, in section: Section
    ) throws(DarknetImportError) -> Layer {
        guard nodes.count < Graph.maximumNodes else {
            throw section.failure(.unsupported, "the network has over \(Graph.maximumNodes) operations")
        }
        let name = "\(section.layer)_\(role)"
        var types = operands.map { TensorType(.float32, $0.shape) }
        var inputs = operands.map(\.value)
        for (label, tensor) in constants {
            let constant = "\(name)_\(label)"
            self.constants[constant] = tensor
            inputs.append(constant)
            types.append(tensor.type)
        }
        let shape: Shape
        do throws(GraphError) { shape = try operation.attributes.resultTypes(for: types)[0].shape } catch {
            throw section.failure(.invalidNetwork, error.message)
        }
        nodes.append(Node(name: name, operation: operation, inputs: inputs, outputs: [name]))
        return Layer(value: name, shape: shape)
    }

    /// Adds a constant that is the first operand of a node.
    mutating func constantLayer(_ name: String, _ tensor: Tensor) { constants[name] = tensor }

    /// Adds arithmetic with one number.
    mutating func add(
        _ function: Arithmetic.Function, _ operand: Layer, _ number: Float, as role: String, in section: Section
    ) throws(DarknetImportError) -> Layer {
        try add(
            .arithmetic(Arithmetic(function)), [operand],
            constants: [("number", try Self.tensor([number], [1], section))], as: role, in: section)
    }

    /// The layer as `[n, c, h, w]`; a vector becomes channels of 1 x 1.
    mutating func image(_ layer: Layer, in section: Section) throws(DarknetImportError) -> Layer {
        guard layer.shape.rank == 2 else { return layer }
        return try add(.reshape(Reshape([0, layer.shape[1], 1, 1])), [layer], as: "image", in: section)
    }

    /// The layer as `[n, values]`, channels outermost.
    mutating func flat(_ layer: Layer, in section: Section) throws(DarknetImportError) -> Layer {
        guard layer.shape.rank != 2 else { return layer }
        return try add(.flatten(Flatten()), [layer], as: "flatten", in: section)
    }

    static func tensor(_ values: [Float], _ shape: [Int], _ section: Section) throws(DarknetImportError) -> Tensor {
        do throws(TensorError) { return try Tensor(values, shape: shape) } catch {
            throw section.failure(.invalidNetwork, error.message)
        }
    }

    func graph(name: String, output: String) throws(DarknetImportError) -> Graph {
        do throws(GraphError) {
            return try Graph(name: name, inputs: [input], outputs: [output], nodes: nodes, constants: constants)
        } catch { throw DarknetImportError(.invalidNetwork, error.message) }
    }
}
