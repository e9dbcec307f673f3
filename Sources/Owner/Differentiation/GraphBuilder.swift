// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// A graph under construction: nodes are appended, and every value's type is known.
struct GraphBuilder {
    private(set) var nodes: [Node] = []
    private(set) var constants: [String: Tensor]
    private(set) var types: [String: TensorType]
    private var scalars: [Float: String] = [:]
    private var made = 0

    /// - Parameter types: Names and types of existing values.
    init(constants: [String: Tensor], types: [String: TensorType]) {
        self.constants = constants
        self.types = types
    }

    func shape(of value: String) -> Shape {
        guard let type = types[value] else { preconditionFailure("'\(value)' is no value of this graph") }
        return type.shape
    }

    mutating func define(_ name: String, _ type: TensorType) { types[name] = type }

    /// Appends a node of the original graph.
    mutating func append(_ node: Node) { nodes.append(node) }

    /// Appends a node with one result.
    mutating func add(
        _ operation: ModelGraph.Operation, _ operands: String...
    ) throws(DifferentiationError) -> String { try add(operation, operands) }

    private mutating func add(
        _ operation: ModelGraph.Operation, _ operands: [String]
    ) throws(DifferentiationError) -> String {
        let name = freshName()
        do throws(GraphError) {
            let results = try operation.attributes.resultTypes(for: operands.compactMap { types[$0] })
            types[name] = results[0]
        } catch { throw DifferentiationError(error) }
        nodes.append(Node(name: name, operation: operation, inputs: operands, outputs: [name]))
        return name
    }

    mutating func concat(_ operands: [String], axis: Int) throws(DifferentiationError) -> String {
        try add(.concat(Concat(axis: axis)), operands)
    }

    mutating func constant(_ values: [Float], _ dimensions: [Int]) throws(DifferentiationError) -> String {
        let name = freshName()
        do throws(TensorError) {
            let tensor = try Tensor(values, shape: dimensions)
            constants[name] = tensor
            types[name] = tensor.type
        } catch { throw DifferentiationError(error.message) }
        return name
    }

    mutating func scalar(_ value: Float) throws(DifferentiationError) -> String {
        if let known = scalars[value] { return known }
        let name = try constant([value], [1])
        scalars[value] = name
        return name
    }

    private mutating func freshName() -> String {
        repeat { made += 1 } while types["d\(made)"] != nil
        return "d\(made)"
    }
}

/// Arithmetic on values.
extension GraphBuilder {
    mutating func sum(_ a: String, _ b: String) throws(DifferentiationError) -> String {
        try add(.arithmetic(Arithmetic(.add)), a, b)
    }

    mutating func sum(_ a: String, _ b: Float) throws(DifferentiationError) -> String { try sum(a, scalar(b)) }

    mutating func difference(_ a: String, _ b: String) throws(DifferentiationError) -> String {
        try add(.arithmetic(Arithmetic(.subtract)), a, b)
    }

    mutating func product(_ a: String, _ b: String) throws(DifferentiationError) -> String {
        try add(.arithmetic(Arithmetic(.multiply)), a, b)
    }

    mutating func product(_ a: String, _ b: Float) throws(DifferentiationError) -> String {
        try product(a, scalar(b))
    }

    mutating func quotient(_ a: String, _ b: String) throws(DifferentiationError) -> String {
        try add(.arithmetic(Arithmetic(.divide)), a, b)
    }

    mutating func quotient(_ a: Float, _ b: String) throws(DifferentiationError) -> String {
        try quotient(scalar(a), b)
    }

    mutating func power(_ a: String, _ exponent: Float) throws(DifferentiationError) -> String {
        try add(.arithmetic(Arithmetic(.power)), a, scalar(exponent))
    }

    mutating func function(
        _ function: Activation.Function, _ x: String, alpha: Float = 0, beta: Float = 0
    ) throws(DifferentiationError) -> String {
        try add(.activation(Activation(function, alpha: alpha, beta: beta)), x)
    }

    /// 1 - x
    mutating func complement(_ x: String) throws(DifferentiationError) -> String {
        try sum(product(x, -1), 1)
    }

    /// 1 where x > 0, else 0. A saturating product replaces a comparison operator.
    mutating func step(_ x: String) throws(DifferentiationError) -> String {
        try function(.clip, product(x, 3e38), alpha: 0, beta: 1)
    }
}
