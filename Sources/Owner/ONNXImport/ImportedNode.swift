// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ONNXFormat
import Tensors

/// An input of a node, with what is known about it at import.
struct Operand {
    let name: String
    /// The type in the graph; float32 for integers and booleans that depend on the image. `nil` for what is no tensor.
    let type: TensorType?
    let constant: Constant?
    /// Whether the values are integers or booleans in the file.
    let isInteger: Bool

    /// Whether the values are integers or booleans in the file and floats in the graph.
    var isCarried: Bool { isInteger && type?.element == .float32 }
}

/// The result of lowering a node.
enum Lowered {
    /// One node of the graph.
    case operation(Operation, operands: [String])
    /// Several nodes of the graph.
    case expansion(Expansion)
    case constant(Constant)
    /// A constant of this type with the same value everywhere.
    case filled(TensorType, with: Tensor)

    /// The number of the node's outputs that it computes.
    var outputCount: Int { if case .expansion(let expansion) = self { expansion.outputs.count } else { 1 } }
}

/// A node of the file during import: its operands with their types, and its attributes, each of which must be read.
struct ImportedNode {
    let name: String
    let operatorName: String
    let opset: Int
    /// `nil` for an optional input that is left out.
    let operands: [Operand?]
    /// The number of its outputs.
    let outputCount: Int
    /// The number of outputs, from the first, that are needed.
    let neededOutputs: Int
    private var attributes: [String: ONNXAttributeProto] = [:]
    /// The remaining budget for constants.
    var budget: FoldingBudget
    /// Whether its results are integers or booleans in the file; in the graph they are floats.
    var isInteger = false
    /// Indices of results that are floats in the file too.
    var floatOutputs: Set<Int> = []
    /// Whether it is an operator of ONNX Runtime's domain.
    let isMicrosoft: Bool

    init(
        _ proto: ONNXNodeProto, name: String, opset: Int, operands: [Operand?], neededOutputs: Int,
        budget: FoldingBudget
    ) throws(ONNXImportError) {
        self.name = name
        self.budget = budget
        self.isMicrosoft = proto.domain == "com.microsoft"
        self.operatorName = proto.opType
        self.opset = opset
        self.operands = operands
        self.outputCount = proto.output.count
        self.neededOutputs = neededOutputs
        for attribute in proto.attribute {
            guard attributes.updateValue(attribute, forKey: attribute.name) == nil else {
                throw failure(.malformed, "attribute '\(attribute.name)' is given twice")
            }
        }
    }

    var place: String { "node '\(name)' (\(operatorName), opset \(opset))" }

    func failure(_ code: ONNXImportError.Code, _ message: String) -> ONNXImportError {
        ONNXImportError(code, message).at(place)
    }

    func require(
        _ condition: Bool, _ code: ONNXImportError.Code, _ message: @autoclosure () -> String
    ) throws(ONNXImportError) {
        guard condition else { throw failure(code, message()) }
    }

    func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(ONNXImportError) {
        try require(condition, .invalidGraph, message())
    }

    /// - Parameter outputs: The number of outputs that are computed.
    /// - Throws: ``ONNXImportError`` when an attribute was not read, or a further output is needed.
    func finish(outputs: Int) throws(ONNXImportError) {
        if let name = attributes.keys.sorted().first {
            throw failure(.unsupported, "attribute '\(name)' is not supported for this operator and opset")
        }
        try require(
            neededOutputs <= outputs, .unsupported,
            outputs == 1 ? "only the operator's first output is supported" : "it has only \(outputs) outputs")
    }
}

// Operands.
extension ImportedNode {
    /// Whether every operand that is present holds integers or booleans.
    var holdsIntegers: Bool {
        !operands.isEmpty && (operands[0]?.isInteger ?? false) && (operands.count < 2 || operands[1]?.isInteger ?? true)
    }

    func operand(_ index: Int) -> Operand? { index < operands.count ? operands[index] : nil }

    /// The name of a required operand.
    func input(_ index: Int) throws(ONNXImportError) -> String {
        guard let operand = operand(index) else { throw failure(.invalidGraph, "input \(index) is missing") }
        return operand.name
    }

    /// Names of all operands; only trailing ones may be left out.
    func inputs(_ count: ClosedRange<Int>) throws(ONNXImportError) -> [String] {
        try require(count.contains(operands.count), "takes \(count) inputs, found \(operands.count)")
        var names: [String] = []
        for index in operands.indices { names.append(try input(index)) }
        return names
    }

    func type(_ index: Int) throws(ONNXImportError) -> TensorType {
        let name = try input(index)
        guard let type = operands[index]?.type else {
            throw failure(.unsupported, "input '\(name)' is no tensor")
        }
        return type
    }

    func shape(_ index: Int) throws(ONNXImportError) -> Shape { try type(index).shape }

    /// A constant operand, or `nil` when it is left out.
    ///
    /// - Throws: ``ONNXImportError`` when it depends on the graph's inputs.
    func constant(_ index: Int, _ what: String) throws(ONNXImportError) -> Tensor? {
        guard let operand = operand(index) else { return nil }
        guard let constant = operand.constant else {
            let own = isMicrosoft ? nil : RefusedOperators.entry(of: operatorName, domain: "")
            throw failure(
                .unsupported,
                "\(what) '\(operand.name)' is not constant: it depends on the picture; "
                    + (own?.remedy ?? "make it a constant in the network's code and export again"))
        }
        return constant.tensor
    }

    /// The integers of a constant operand, or `nil` when it is left out.
    func constantIntegers(_ index: Int, _ what: String) throws(ONNXImportError) -> [Int]? {
        guard let tensor = try constant(index, what) else { return nil }
        try require(
            tensor.shape.rank <= 1 && tensor.shape.elementCount <= 1 << 16,
            "\(what) is \(tensor.shape), expected a list of at most \(1 << 16)")
        switch tensor.element {
        case .int64: return tensor.withElements(as: Int64.self) { $0.map(Int.init) }
        case .int32: return tensor.withElements(as: Int32.self) { $0.map(Int.init) }
        default: throw failure(.invalidGraph, "\(what) is \(tensor.element), expected integers")
        }
    }

    /// The number of a constant operand, or `nil` when it is left out.
    func constantFloat(_ index: Int, _ what: String) throws(ONNXImportError) -> Float? {
        guard let tensor = try constant(index, what) else { return nil }
        try require(
            tensor.element == .float32 && tensor.shape.elementCount == 1, .unsupported,
            "\(what) is \(tensor.type), expected one f32")
        return tensor.withElements(as: Float.self) { $0[0] }
    }
}

// Attributes.
extension ImportedNode {
    /// Reads an attribute whose type must be one of these.
    private mutating func take(
        _ name: String, _ type: ONNXAttributeProto.AttributeType
    ) throws(ONNXImportError) -> ONNXAttributeProto? {
        guard let attribute = attributes.removeValue(forKey: name) else { return nil }
        try require(attribute.type == type, .malformed, "attribute '\(name)' is not of the type \(type)")
        return attribute
    }

    mutating func integer(_ name: String) throws(ONNXImportError) -> Int? {
        (try take(name, .int)).map { Int($0.i) }
    }

    mutating func integers(_ name: String) throws(ONNXImportError) -> [Int]? {
        (try take(name, .ints)).map { $0.ints.map(Int.init) }
    }

    /// An integer attribute that is 0 or 1.
    mutating func flag(_ name: String, default fallback: Bool = false) throws(ONNXImportError) -> Bool {
        guard let value = try integer(name) else { return fallback }
        try require(value == 0 || value == 1, .malformed, "attribute '\(name)' is \(value), expected 0 or 1")
        return value == 1
    }

    mutating func float(_ name: String) throws(ONNXImportError) -> Float? { (try take(name, .float)).map(\.f) }

    mutating func floats(_ name: String) throws(ONNXImportError) -> [Float]? { (try take(name, .floats)).map(\.floats) }

    /// - Parameter keeps: Whether the attribute is read again later.
    mutating func text(_ name: String, keeps: Bool = false) throws(ONNXImportError) -> String? {
        let known = attributes
        guard let attribute = try take(name, .string) else { return nil }
        if keeps { attributes = known }
        guard let text = String(validating: attribute.s, as: UTF8.self) else {
            throw failure(.malformed, "attribute '\(name)' is not UTF-8")
        }
        return text
    }

    mutating func texts(_ name: String, keeps: Bool = false) throws(ONNXImportError) -> [String]? {
        let known = attributes
        guard let attribute = try take(name, .strings) else { return nil }
        if keeps { attributes = known }
        return attribute.strings.map { String(decoding: $0, as: UTF8.self) }
    }

    /// A tensor attribute. Its data is in the model file itself.
    mutating func tensor(_ name: String) throws(ONNXImportError) -> Constant? {
        guard let attribute = try take(name, .tensor) else { return nil }
        var noFiles = ExternalData(folder: nil)
        do throws(ONNXImportError) { return try attribute.t.constant(externalData: &noFiles) } catch {
            throw error.at("\(place): attribute '\(name)'")
        }
    }

    /// Skips an attribute that has no effect in inference.
    mutating func ignore(_ name: String) { attributes[name] = nil }
}
