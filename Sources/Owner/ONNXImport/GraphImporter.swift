import ModelGraph
import ONNXFormat
import Tensors

/// Turns the graph of a file into a ``Graph``: orders the nodes, folds what is constant, and lowers the rest to
/// operations that do not depend on the opset.
struct GraphImporter {
    let opset: Int
    private let settings: ONNXImportSettings
    private var externalData: ExternalData
    /// Raw data of initializers, by their position, that the decoder did not see.
    private let payloads: [Int: Range<Int>]
    private let content: ModelContent
    private(set) var notes: [String] = []

    private var types: [String: TensorType] = [:]
    private var constants: [String: Constant] = [:]
    private var nodes: [Node] = []
    private var budget = FoldingBudget()
    private var nodeNames = UniqueNames()
    private var valueNames = UniqueNames()

    init(
        opset: Int, settings: ONNXImportSettings, externalData: ExternalData, payloads: [Int: Range<Int>],
        of content: ModelContent
    ) {
        self.opset = opset
        self.settings = settings
        self.externalData = externalData
        self.payloads = payloads
        self.content = content
    }

    /// - Throws: ``ONNXImportError``
    mutating func graph(from proto: ONNXGraphProto) throws(ONNXImportError) -> Graph {
        guard proto.node.count <= Graph.maximumNodes else {
            throw ONNXImportError(.tooLarge, "\(proto.node.count) nodes are over the limit of \(Graph.maximumNodes)")
        }
        guard settings.batch >= 1 else { throw ONNXImportError(.inputShape, "a batch of \(settings.batch)") }
        let inputs = try inputs(of: proto)
        let order = try NodeOrder(
            proto.node, outputs: proto.output.map(\.name),
            given: Set(types.keys).union(constants.keys).union(proto.initializer.map(\.name)))
        if order.indices.count < proto.node.count {
            notes.append("\(proto.node.count - order.indices.count) nodes that no output needs were left out.")
        }

        var used = Set(proto.output.map(\.name))
        for index in order.indices { used.formUnion(proto.node[index].input) }
        try readInitializers(proto.initializer, used: used)
        nodeNames = UniqueNames(reserving: order.indices.map { proto.node[$0].name })
        valueNames = UniqueNames(
            reserving: order.indices.flatMap { proto.node[$0].output } + types.keys + constants.keys)
        for index in order.indices { try add(proto.node[index], index: index, used: used) }

        for output in proto.output {
            if case .wide(let constant) = constants[output.name] {
                throw ONNXImportError(.unsupported, "output '\(output.name)' is \(constant.typeName), expected float32")
            }
        }
        do throws(GraphError) {
            return try Graph(
                name: String(proto.name.prefix(Graph.maximumNameBytes / 4)), inputs: inputs,
                outputs: proto.output.map(\.name), nodes: nodes, constants: constants.compactMapValues(\.tensor))
        } catch { throw ONNXImportError(.invalidGraph, error.message) }
    }

    /// The inputs that are no constants; fixed ones become constants.
    private mutating func inputs(of proto: ONNXGraphProto) throws(ONNXImportError) -> [Value] {
        let defaults = Set(proto.initializer.map(\.name))
        for name in Set(settings.inputShapes.keys).union(settings.fixedInputs.keys).sorted() {
            guard proto.input.contains(where: { $0.name == name }) else {
                throw ONNXImportError(.inputShape, "the model has no input '\(name)'")
            }
        }
        for (name, tensor) in settings.fixedInputs { define(name, .tensor(tensor)) }
        var inputTypes = InputTypes(settings: settings)
        var inputs: [Value] = []
        for info in proto.input where !defaults.contains(info.name) && constants[info.name] == nil {
            let value = try inputTypes.value(from: info)
            guard types.updateValue(value.type, forKey: value.name) == nil else {
                throw ONNXImportError(.invalidGraph, "input '\(value.name)' is defined twice")
            }
            inputs.append(value)
        }
        notes += inputTypes.notes
        return inputs
    }

    private mutating func readInitializers(
        _ initializers: [ONNXTensorProto], used: Set<String>
    ) throws(ONNXImportError) {
        for (position, initializer) in initializers.enumerated()
        where used.contains(initializer.name) && settings.fixedInputs[initializer.name] == nil {
            guard types[initializer.name] == nil, constants[initializer.name] == nil else {
                throw ONNXImportError(.invalidGraph, "constant '\(initializer.name)' is defined twice")
            }
            do throws(ONNXImportError) {
                define(initializer.name, try constant(initializer, at: position))
            } catch { throw error.at("constant '\(initializer.name)'") }
        }
    }

    private mutating func constant(
        _ initializer: ONNXTensorProto, at position: Int
    ) throws(ONNXImportError) -> Constant {
        guard let range = payloads[position] else { return try initializer.constant(externalData: &externalData) }
        if let type = try initializer.plainType() { return .tensor(try content.tensor(of: type, at: range)) }
        // What has to be converted is decoded as if it had never been taken out.
        var whole = initializer
        whole.rawData = try content.bytes(at: range)
        return try whole.constant(externalData: &externalData)
    }

    private mutating func define(_ name: String, _ constant: Constant) {
        constants[name] = constant
        if let tensor = constant.tensor { types[name] = tensor.type }
    }

    private mutating func add(_ proto: ONNXNodeProto, index: Int, used: Set<String>) throws(ONNXImportError) {
        let name = nodeNames.claim(proto.name, orMake: "\(proto.opType)_\(index)")
        guard proto.domain.isEmpty || proto.domain == "ai.onnx", let lower = OperatorTable.lowerings[proto.opType]
        else {
            let domain = proto.domain.isEmpty ? "" : "\(proto.domain)."
            throw ONNXImportError(
                .unsupported,
                "node '\(name)': operator \(domain)\(proto.opType) (opset \(opset)) is not supported, only "
                    + OperatorTable.names.joined(separator: ", "))
        }
        guard let output = proto.output.first, !output.isEmpty else {
            throw ONNXImportError(.invalidGraph, "node '\(name)' (\(proto.opType)) has no output")
        }
        let operandCount = proto.input.lastIndex { !$0.isEmpty }.map { $0 + 1 } ?? 0
        var node = try ImportedNode(
            proto, name: name, opset: opset,
            operands: proto.input.prefix(operandCount).map { input in
                input.isEmpty ? nil : Operand(name: input, type: types[input], constant: constants[input])
            },
            neededOutputs: proto.output.lastIndex { !$0.isEmpty && used.contains($0) }.map { $0 + 1 } ?? 1)
        let lowered = try lower(&node)
        try node.finish(outputs: lowered.outputCount)
        do throws(ONNXImportError) {
            if case .expansion(let expansion) = lowered {
                try emit(expansion, name: name, outputs: proto.output)
            } else {
                try emit(lowered, name: name, output: output)
            }
        } catch {
            throw error.at(node.place)
        }
    }

    private mutating func emit(_ lowered: Lowered, name: String, output: String) throws(ONNXImportError) {
        switch lowered {
        case .constant(let constant):
            define(output, constant)
        case .filled(let type, let value):
            define(output, .tensor(try ConstantFolder.fill(type, with: value, budget: &budget)))
        case .gathered(let gathering):
            define(output, .tensor(try ConstantFolder.gather(gathering, budget: &budget)))
        case .cast(let constant, let element):
            define(output, .tensor(try ConstantFolder.cast(constant, to: element, budget: &budget)))
        case .operation(let operation, let operands):
            try emit(operation, operands, name: name, output: output)
        case .folded(let body): define(output, .tensor(try body(&budget)))
        case .expansion(let expansion): try emit(expansion, name: name, outputs: [output])
        }
    }

    /// The last step has the node's name, steps that make an output have the output's.
    private mutating func emit(
        _ expansion: Expansion, name: String, outputs: [String]
    ) throws(ONNXImportError) {
        let base = outputs[0]
        var made: [Int: String] = [:]
        for (source, output) in zip(expansion.outputs, outputs) where !output.isEmpty {
            if case .step(let step) = source { made[step] = output }
        }
        var values: [String] = []
        for (index, step) in expansion.steps.enumerated() {
            var operands: [String] = []
            for source in step.sources {
                switch source {
                case .value(let name): operands.append(name)
                case .step(let step): operands.append(values[step])
                case .constant(let tensor): operands.append(addConstant(tensor, base))
                case .filled(let type, let value):
                    operands.append(addConstant(try ConstantFolder.fill(type, with: value, budget: &budget), base))
                }
            }
            let output = made[index] ?? valueNames.make("\(base)_step_\(index)")
            let isLast = index == expansion.steps.count - 1
            try emit(
                step.operation, operands, name: isLast ? name : nodeNames.make("\(name)_\(index)"), output: output)
            values.append(output)
        }
    }

    private mutating func addConstant(_ tensor: Tensor, _ base: String) -> String {
        let name = valueNames.make("\(base)_constant")
        define(name, .tensor(tensor))
        return name
    }

    private mutating func emit(
        _ operation: Operation, _ operands: [String], name: String, output: String
    ) throws(ONNXImportError) {
        let known = operands.compactMap { constants[$0]?.tensor }
        if known.count == operands.count,
            let folded = try ConstantFolder.fold(operation, operands: known, budget: &budget)
        {
            return define(output, .tensor(folded))
        }
        var operandTypes: [TensorType] = []
        for operand in operands {
            guard let type = types[operand] else {
                throw ONNXImportError(
                    .unsupported, "input '\(operand)' is float16 or float64; only a Cast to float32 takes it")
            }
            operandTypes.append(type)
        }
        do throws(GraphError) {
            types[output] = try operation.attributes.resultTypes(for: operandTypes)[0]
        } catch { throw ONNXImportError(.invalidGraph, error.message) }
        // One node of the file may become a thousand.
        guard nodes.count < Graph.maximumNodes else {
            throw ONNXImportError(.invalidGraph, "the graph has over \(Graph.maximumNodes) nodes")
        }
        nodes.append(Node(name: name, operation: operation, inputs: operands, outputs: [output]))
    }
}

/// Names that are used once each.
struct UniqueNames {
    private var reserved: Set<String>
    private var claimed: Set<String> = []

    /// - Parameter names: Names of the file, which made-up names must avoid.
    init(reserving names: [String] = []) { reserved = Set(names) }

    /// `name` if it is the first such, else one made from `fallback`.
    mutating func claim(_ name: String, orMake fallback: String) -> String {
        !name.isEmpty && claimed.insert(name).inserted ? name : make(fallback)
    }

    /// `base`, with a number behind it if it is taken.
    mutating func make(_ base: String) -> String {
        var name = base
        var number = 2
        while reserved.contains(name) || claimed.contains(name) {
            name = "\(base)_\(number)"
            number += 1
        }
        claimed.insert(name)
        return name
    }
}
