// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ONNXFormat
import Tensors

// Integers of 8 and 16 bits wrap around in the file, and floats that carry them in the graph do not. An operation whose
// result may leave the range of its type is refused.

extension GraphImporter {
    /// The operators whose results have the type of one operand: that of `Where` is its second, otherwise the first.
    ///
    /// Those of ``keepsIntegers(_:)`` are not repeated here.
    static let alsoTyped: Set<String> = [
        "CenterCropPad", "Compress", "GatherElements", "GatherND", "Pow", "ReduceL1", "ReduceSumSquare", "Resize",
        "ReverseSequence", "Scatter", "ScatterElements", "ScatterND", "Upsample", "Where",
    ]

    /// Operators whose results may leave the range of their operands' type. The others choose among values, or stay
    /// within them.
    private static let wrapping: Set<String> = [
        "Abs", "Add", "Cast", "CastLike", "CumSum", "Div", "Mul", "Neg", "Pow", "ReduceL1", "ReduceProd", "ReduceSum",
        "ReduceSumSquare", "Sub", "Sum",
    ]

    /// Operators whose results have a type of their own.
    private static let converting: Set<String> = ["Cast", "CastLike", "DequantizeLinear"]

    /// Operators whose results are fractions, which integers do not have.
    private static let fractional: Set<String> = [
        "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMean", "Resize", "Upsample",
    ]

    /// Records the type of a node's results, and checks that they stay in its range.
    ///
    /// - Throws: ``ONNXImportError`` with code `unsupported` for a result that may wrap around, or that is rounded to
    ///   integers in the file only.
    mutating func checkIntegers(_ proto: ONNXNodeProto, _ node: ImportedNode) throws(ONNXImportError) {
        guard proto.isStandard else { return }
        if Self.fractional.contains(proto.opType), node.operand(0)?.isInteger ?? false, !isNearest(proto) {
            throw node.failure(
                .unsupported,
                "its result on integers is rounded to integers: insert a Cast to float32 before it, and export again")
        }
        guard let type = resultType(proto, node), let range = type.wrappingRange else {
            // The operand may be narrow, the results are not.
            if Self.converting.contains(proto.opType) {
                let names = proto.output.map { aliases[$0] ?? $0 }
                wideValues.formUnion(names + names.compactMap { turned[$0]?.base })
            }
            return
        }
        let mayWrap = mayWrap(proto, node)
        for (index, output) in proto.output.enumerated() where !output.isEmpty {
            let name = aliases[output] ?? output
            // The scale of a dynamic quantisation is a float.
            guard types[name] != nil, constants[name] == nil, !node.floatOutputs.contains(index) else { continue }
            let limits = limits(of: name)
            if mayWrap, limits.lowerBound < Double(range.lowerBound) || limits.upperBound > Double(range.upperBound) {
                throw node.failure(.unsupported, Self.wrapMessage(proto.opType, type, range))
            }
            narrowTypes[name] = type
            knownLimits[name] = limits.clamped(to: Double(range.lowerBound)...Double(range.upperBound))
        }
    }

    private static func wrapMessage(
        _ operatorName: String, _ type: ONNXTensorProto.DataType, _ range: ClosedRange<Int>
    ) -> String {
        let what =
            "its result may leave \(range.lowerBound) to \(range.upperBound), where "
            + "\(ONNXTensorProto.name(ofDataType: Int32(type.rawValue))) wraps around"
        return operatorName.hasPrefix("Cast")
            ? "\(what): insert a Clip to that range before it, or leave the Cast out, and export again"
            : "\(what): insert a Cast to float32 before it, and export again"
    }

    /// Whether a `Resize` copies elements.
    private func isNearest(_ proto: ONNXNodeProto) -> Bool {
        guard proto.opType == "Resize" || proto.opType == "Upsample" else { return false }
        guard let mode = proto.attribute.first(where: { $0.name == "mode" }) else { return true }
        return mode.s.elementsEqual("nearest".utf8)
    }

    private mutating func mayWrap(_ proto: ONNXNodeProto, _ node: ImportedNode) -> Bool {
        if proto.opType == "Div" {
            // Of quotients, only that of the smallest number and -1 leaves the range.
            guard let a = node.operand(0), let b = node.operand(1),
                let least = narrowType(of: a.name)?.wrappingRange?.lowerBound
            else { return true }
            return least < 0 && limits(of: a.name).lowerBound <= Double(least) && limits(of: b.name).contains(-1)
        }
        if proto.opType.hasPrefix("Scatter") {
            let reduction = proto.attribute.first { $0.name == "reduction" }
            return reduction.map { $0.s.elementsEqual("add".utf8) || $0.s.elementsEqual("mul".utf8) } ?? false
        }
        return Self.wrapping.contains(proto.opType)
    }

    /// The type of a node's results in the file, if it wraps around at 8 or 16 bits.
    func resultType(_ proto: ONNXNodeProto, _ node: ImportedNode) -> ONNXTensorProto.DataType? {
        func stated(_ attribute: String) -> ONNXTensorProto.DataType? {
            proto.attribute.first { $0.name == attribute }.flatMap { ONNXTensorProto.DataType(rawValue: Int($0.i)) }
        }
        let type: ONNXTensorProto.DataType?
        switch proto.opType {
        case "Cast": type = stated("to")
        case "QuantizeLinear":
            let code = stated("output_dtype")
            type = node.operand(2).flatMap { narrowType(of: $0.name) } ?? (code?.rawValue == 0 ? nil : code) ?? .uint8
        case "DynamicQuantizeLinear": type = .uint8
        case "CastLike": type = node.operand(1).flatMap { narrowType(of: $0.name) }
        default:
            guard Self.keepsIntegers(proto.opType) || Self.alsoTyped.contains(proto.opType) else { return nil }
            type = node.operand(proto.opType == "Where" ? 1 : 0).flatMap { narrowType(of: $0.name) }
        }
        return type.flatMap { $0.wrappingRange == nil ? nil : $0 }
    }

    /// The type of a value in the file, if it wraps around at 8 or 16 bits.
    private func narrowType(of name: String) -> ONNXTensorProto.DataType? {
        var name = aliases[name] ?? name
        for _ in 0..<Self.maximumDepth {
            if wideValues.contains(name) { return nil }
            if let type = narrowTypes[name] { return type }
            if let constant = constants[name] {
                if let narrow = constant.narrow { return narrow }
                return constant.tensor.element.wrappingType
            }
            if let element = types[name]?.element, element != .float32 { return element.wrappingType }
            // Parts and forms of a value that the importer made.
            guard let place = makers[name], nodes[place].operation.isView, let first = nodes[place].inputs.first else {
                return nil
            }
            name = first
        }
        return nil
    }

    /// Depth of the search for the limits of a value.
    private static let maximumDepth = 32

    /// Limits of a value's elements, for any picture. They are infinite where nothing bounds them.
    mutating func limits(of name: String, depth: Int = maximumDepth) -> Limits {
        let name = aliases[name] ?? name
        if let known = knownLimits[name] { return known }
        guard depth > 0 else { return .all }
        var limits = Limits.all
        if let tensor = constants[name]?.tensor {
            limits = Limits.of(tensor)
        } else if let place = makers[name] {
            let node = nodes[place]
            let counts = (node.inputs.first.flatMap { types[$0] }, types[name])
            limits = node.operation.limits(
                count: node.inputs.count, operand: counts.0, result: counts.1,
                of: { self.limits(of: node.inputs[$0], depth: depth - 1) })
        } else if types[name]?.element == .boolean {
            limits = 0...1
        }
        // Results that may leave the range of their type are refused, so that a value of the type is in it.
        if let range = narrowType(of: name)?.wrappingRange {
            limits = limits.clamped(to: Double(range.lowerBound)...Double(range.upperBound))
        }
        knownLimits[name] = limits
        return limits
    }
}

extension ONNXTensorProto.DataType {
    /// The range of an integer type of 8 or 16 bits, beyond which arithmetic wraps around.
    var wrappingRange: ClosedRange<Int>? {
        switch self {
        case .int8, .uint8, .int16, .uint16: ONNXElement(Int32(rawValue))?.range
        default: nil
        }
    }
}

extension ElementType {
    /// The type in a file of values of this type, if it wraps around at 8 bits.
    fileprivate var wrappingType: ONNXTensorProto.DataType? {
        switch self {
        case .uint8: .uint8
        case .int8: .int8
        case .float32, .int32, .int64, .boolean: nil
        }
    }
}
