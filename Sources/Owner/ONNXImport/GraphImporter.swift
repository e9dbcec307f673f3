// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ONNXFormat
import Tensors

/// Turns the graph of a file into a ``Graph``: orders the nodes, folds constants, and lowers the rest to operations
/// that do not depend on the operator set.
struct GraphImporter {
    let opset: Int
    let settings: ONNXImportSettings
    var externalData: ExternalData
    /// Raw data of initializers, by index, that was left out of the decoded message.
    private let payloads: [Int: Range<Int>]
    private let content: ModelContent
    var notes: [String] = []

    var types: [String: TensorType] = [:]
    var constants: [String: Constant] = [:]
    /// Values that are integers or booleans in the file, and floats in the graph.
    var integers: Set<String> = []
    /// The value that replaces a name of the file.
    var aliases: [String: String] = [:]
    /// Float versions of integer values.
    var floatForms: [String: String] = [:]
    /// The type in the file of values whose integers have 8 or 16 bits.
    var narrowTypes: [String: ONNXTensorProto.DataType] = [:]
    /// Values that conversions made, whose types are not narrow.
    var wideValues: Set<String> = []
    /// Limits of the elements of values, as far as they were asked for.
    var knownLimits: [String: Limits] = [:]
    var turned: [String: TurnedValue] = [:]
    /// Sequences of values.
    var sequences: [String: [String]] = [:]
    var nodes: [Node] = []
    /// The index of the node that makes a value.
    var makers: [String: Int] = [:]
    var budget = FoldingBudget()
    var nodeNames = UniqueNames()
    var valueNames = UniqueNames()
    var branches = 0
    /// The form in which the file takes the image, if a classifier was requested.
    var picture: PictureInput?

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

    /// Counts what these nodes store as constants, in bodies of `If` and `Loop` as well.
    private mutating func grantConstants(of nodes: [ONNXNodeProto]) {
        for node in nodes {
            for attribute in node.attribute {
                if node.opType == "Constant" { budget.grant(elements: attribute.t.storedElements) }
                grantConstants(of: attribute.g.node)
            }
        }
    }

    /// - Throws: ``ONNXImportError``.
    mutating func graph(
        from file: ONNXGraphProto, functions: [ONNXFunctionProto] = []
    ) throws(ONNXImportError) -> Graph {
        var proto = file
        guard proto.node.count <= Graph.maximumNodes else {
            throw ONNXImportError(.tooLarge, "\(proto.node.count) nodes are over the limit of \(Graph.maximumNodes)")
        }
        guard settings.batch >= 1 else { throw ONNXImportError(.inputShape, "a batch of \(settings.batch)") }
        // Before functions are inlined: inlining copies a node's constant, and the budget grows only by the file's own
        // bytes.
        grantConstants(of: proto.node + functions.flatMap(\.node))
        var inlining = FunctionInlining(functions, opset: opset)
        proto.node = try inlining.inlined(proto.node)
        let outputs = try outputs(of: proto)
        let declared = try inputs(of: proto)
        let order = try NodeOrder(
            proto.node, outputs: outputs,
            given: Set(types.keys).union(constants.keys).union(proto.initializer.map(\.name)))
        if order.indices.count < proto.node.count {
            notes.append("\(proto.node.count - order.indices.count) nodes that no output needs were left out.")
        }

        try checkOperators(of: proto.node, order.indices)

        var used = Set(outputs)
        for index in order.indices { used.formUnion(proto.node[index].allInputs) }
        try readInitializers(proto.initializer, used: used)
        nodeNames = UniqueNames(reserving: order.indices.map { proto.node[$0].name })
        valueNames = UniqueNames(
            reserving: order.indices.flatMap { proto.node[$0].output } + types.keys + constants.keys)
        let inputs = try pictureInputs(declared)
        for index in order.indices { try add(proto.node[index], index: index, used: used) }

        var results = outputs.map { aliases[$0] ?? $0 }
        for output in results where types[output] == nil && constants[output] == nil {
            throw ONNXImportError(.unsupported, "output '\(output)' is no tensor of numbers")
        }
        // Scores as integers, from an operator of ONNX Runtime, are the same numbers as floats.
        if settings.isClassifier { results = try floats(results[...], "output") }
        do throws(GraphError) {
            return try Graph(
                name: String(proto.name.prefix(Graph.maximumNameBytes / 4)), inputs: inputs, outputs: results,
                nodes: needed(by: results), constants: constants.mapValues(\.tensor))
        } catch { throw ONNXImportError(.invalidGraph, error.message) }
    }

    private mutating func outputs(of proto: ONNXGraphProto) throws(ONNXImportError) -> [String] {
        guard settings.isClassifier || settings.output != nil else { return proto.output.map(\.name) }
        let head = try Head(of: proto, wanted: settings.output)
        notes += head.notes
        return [head.output]
    }

    /// The nodes that the outputs need. Unused nodes of the file were removed before; transpositions may have become
    /// unused since.
    private func needed(by outputs: [String]) -> [Node] {
        guard !turned.isEmpty else { return nodes }
        var used = Set(outputs)
        var result: [Node] = []
        for node in nodes.reversed() where node.outputs.contains(where: used.contains) {
            used.formUnion(node.inputs)
            result.append(node)
        }
        return result.reversed()
    }

    /// The inputs that are no constants; inputs with fixed values become constants.
    private mutating func inputs(of proto: ONNXGraphProto) throws(ONNXImportError) -> [Value] {
        let defaults = Set(proto.initializer.map(\.name))
        for name in Set(settings.inputShapes.keys).union(settings.fixedInputs.keys).sorted() {
            guard proto.input.contains(where: { $0.name == name }) else {
                throw ONNXImportError(.inputShape, "the model has no input '\(name)'")
            }
        }
        for (name, tensor) in settings.fixedInputs { define(name, Constant(tensor)) }
        let open = proto.input.filter { !defaults.contains($0.name) && constants[$0.name] == nil }
        guard settings.inputShape == nil || open.count == 1 else {
            let names = open.map(\.name).joined(separator: ", ")
            throw ONNXImportError(.inputShape, "the model has inputs \(names): give the shape as NAME=1,3,224,224")
        }
        var inputTypes = InputTypes(settings: settings, givenShape: settings.inputShape)
        var inputs: [Value] = []
        for info in open {
            let value = try inputTypes.value(from: info)
            guard types.updateValue(value.type, forKey: value.name) == nil else {
                throw ONNXImportError(.invalidGraph, "input '\(value.name)' is defined twice")
            }
            inputs.append(value)
            let type = ONNXTensorProto.DataType(rawValue: Int(info.type.tensorType.elemType))
            if type?.wrappingRange != nil { narrowTypes[value.name] = type }
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
                let constant = try constant(initializer, at: position)
                budget.grant(constant.tensor.type)
                define(initializer.name, constant)
            } catch { throw error.at("constant '\(initializer.name)'") }
        }
    }

    private mutating func constant(
        _ initializer: ONNXTensorProto, at position: Int
    ) throws(ONNXImportError) -> Constant {
        guard let range = payloads[position] else { return try initializer.constant(externalData: &externalData) }
        if let type = try initializer.plainType() { return Constant(try content.tensor(of: type, at: range)) }
        // Data that has to be converted is put back and decoded with its tensor.
        var whole = initializer
        whole.rawData = try content.bytes(at: range)
        return try whole.constant(externalData: &externalData)
    }

    mutating func define(_ name: String, _ constant: Constant) {
        constants[name] = constant
        types[name] = constant.tensor.type
    }

    mutating func add(_ proto: ONNXNodeProto, index: Int, used: Set<String>) throws(ONNXImportError) {
        let name = nodeNames.claim(proto.name, orMake: "\(proto.opType)_\(index)")
        guard let output = proto.output.first(where: { !$0.isEmpty }) else {
            throw ONNXImportError(.invalidGraph, "node '\(name)' (\(proto.opType)) has no output")
        }
        let operandCount = proto.input.lastIndex { !$0.isEmpty }.map { $0 + 1 } ?? 0
        var node = try ImportedNode(
            proto, name: name, opset: opset,
            operands: proto.input.prefix(operandCount).map { operand($0) },
            neededOutputs: proto.output.lastIndex { !$0.isEmpty && used.contains($0) }.map { $0 + 1 } ?? 1,
            budget: budget)
        if proto.isStandard, proto.opType == "If" { return try addBranch(proto, node, name: name) }
        if proto.isStandard, proto.opType == "Loop" { return try addLoop(proto, node, name: name) }
        if proto.isStandard, Self.sequenceOperators.contains(proto.opType) { return try addSequence(proto, node) }
        if try fold(&node, proto) { return }
        guard
            let lower = proto.isStandard
                ? OperatorTable.lowerings[proto.opType]
                : node.isMicrosoft ? OperatorTable.runtimeLowerings[proto.opType] : nil
        else { throw unknown(proto, name) }
        let lowered = try lower(&node)
        try node.finish(outputs: lowered.outputCount)
        budget = node.budget
        do throws(ONNXImportError) {
            if case .expansion(let expansion) = lowered {
                try emit(expansion, name: name, outputs: proto.output)
            } else {
                try emit(lowered, name: name, output: output)
            }
        } catch {
            throw error.at(node.place)
        }
        let isInteger =
            node.isInteger || Self.keepsIntegers(proto.opType) && node.holdsIntegers
            || Self.alsoTyped.contains(proto.opType) && node.operand(proto.opType == "Where" ? 1 : 0)?.isInteger == true
        for (index, output) in proto.output.enumerated()
        where isInteger && !node.floatOutputs.contains(index) && constants[output] == nil {
            integers.insert(output)
        }
        try checkIntegers(proto, node)
    }

    func operand(_ input: String) -> Operand? {
        guard !input.isEmpty else { return nil }
        let name = aliases[input] ?? input
        let (type, constant) = (types[name], constants[name])
        return Operand(
            name: name, type: type, constant: constant,
            isInteger: integers.contains(name) || (type.map { $0.element != .float32 } ?? false))
    }

    /// Float operations are lowered, and the results of that are folded. The exceptions are batch normalisation, which
    /// has no lowering in training mode, and operators whose lowering is much more work: selections by position are
    /// products with matrices, and products are taken of halves.
    private static let directlyFolded: Set<String> = [
        "BatchNormalization", "GatherElements", "GatherND", "ReduceProd", "Scatter", "ScatterElements", "ScatterND",
    ]

    /// Computes a node whose operands are all known; `false` for a node that is lowered instead.
    private mutating func fold(_ node: inout ImportedNode, _ proto: ONNXNodeProto) throws(ONNXImportError) -> Bool {
        guard proto.isStandard, let body = ConstantOperators.table[proto.opType], !node.operands.isEmpty,
            node.operands.allSatisfy({ $0 == nil || $0?.constant != nil })
        else { return false }
        let isFloat = node.operand(0)?.constant?.tensor.isFloat ?? true
        let isLowered =
            OperatorTable.lowerings[proto.opType] != nil && isFloat && !Self.directlyFolded.contains(proto.opType)
        guard !isLowered else { return false }
        let results: [Tensor]
        do throws(ONNXImportError) {
            try budget.spend(numbers: node.operands.reduce(0) { $0 + ($1?.constant?.tensor.shape.elementCount ?? 0) })
            results = try body(&node, &budget)
        } catch { throw error.message.hasPrefix("node '") ? error : error.at(node.place) }
        try node.finish(outputs: results.count)
        let narrow = resultType(proto, node)
        for (index, (output, result)) in zip(proto.output, results).enumerated() where !output.isEmpty {
            if index == 0, let narrow, let element = ONNXElement(Int32(narrow.rawValue)), element.narrow != nil {
                define(output, try ConstantFolder.wrapped(result, to: element, budget: &budget))
            } else {
                define(output, Constant(result))
            }
        }
        return true
    }

    /// Whether the operator's results are integers if its first operand is.
    static func keepsIntegers(_ operatorName: String) -> Bool {
        [
            "Abs", "Add", "Clip", "Concat", "CumSum", "DepthToSpace", "Div", "Expand", "Flatten", "Gather", "Identity",
            "Max", "MaxPool", "Min", "Mod", "Mul", "Neg", "Pad", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum",
            "Relu", "Reshape", "Sign", "Slice", "SpaceToDepth", "Split", "Squeeze", "Sub", "Sum", "Tile", "Transpose",
            "Trilu",
            "Unsqueeze",
        ].contains(operatorName)
    }
}
