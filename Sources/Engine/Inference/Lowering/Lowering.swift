// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

/// Turns an optimised draft into steps: chooses primitives and layouts, and inserts reorders between steps whose
/// layouts differ.
struct Lowering {
    var draft: Draft
    var values: [PlannedValue] = []
    var steps: [PlannedStep] = []
    /// The value of each name that has been computed.
    private var names: [String: Int] = [:]
    /// The operands of views whose operand is not row-major. Such a view is materialised when a step reads it.
    private var lazyViews: [String: Int] = [:]
    /// DequantizeLinear nodes with ``Draft/integerWeights(_:)`` whose float32 result no step has computed, by result.
    private var unconverted: [String: Draft.Node] = [:]
    /// Concatenation results whose parts are written in place.
    var joinedInPlace: Set<Int> = []
    /// The number of later uses of a value's memory, by its ``root(of:)``.
    private var pendingUses: [Int: Int] = [:]
    private var rootAtDefinition: [String: Int] = [:]
    private let uses: [String: Int]
    /// Copies of values in other layouts.
    private var copies: [Int: [Int]] = [:]
    private let precision: PrecisionTable
    let quantization: Quantization?
    /// Values that are stored as the integer factors of their levels.
    let storedLevels: [String: Draft.Levels]
    /// Whether convolutions write blocks of channels, which ``joinedInPlace(_:_:_:)`` and Winograd's algorithm need.
    let prefersChannelBlocks: Bool
    /// The remaining memory for Winograd's algorithm; `nil` if it is not used.
    var winogradMemory: WinogradMemory?
    /// The precision of the code chosen for each product, by node name.
    var products: [String: PrecisionTable.Level] = [:]
    /// The name and the value of the node that a step completes, by the step's index.
    private(set) var observations: [Int: (name: String, value: Int)] = [:]

    init(_ draft: Draft) throws(InferenceError) {
        self.draft = draft
        uses = draft.uses
        precision = draft.options.precision.table(for: draft)
        quantization = precision.level == .integer8 ? Quantization(draft, precision) : nil
        storedLevels = draft.storedLevels
        let (joins, isOfOneImage) = (draft.joinsChannels, draft.isOfOneImage)
        let isFloat32 = precision.products.isEmpty
        // Without AVX-512, oneDNN chooses blocks of channels anyway.
        let mayBlock = isOfOneImage || !joins || !ProcessorSupport.hasAVX512
        winogradMemory = isFloat32 && mayBlock ? draft.winogradMemory : nil
        prefersChannelBlocks = winogradMemory != nil || isFloat32 && isOfOneImage && joins
        for (position, input) in draft.inputs.enumerated() {
            do throws(OneDNNError) {
                define(input.name, try add(.input(position), input.type))
            } catch { throw InferenceError(.libraryFailure, "input '\(input.name)': \(error.message)") }
        }
        for node in draft.nodes {
            do throws(OneDNNError) {
                try lower(node)
            } catch {
                throw InferenceError(
                    error.isUnimplemented ? .unsupported : .libraryFailure, "node '\(node.name)': \(error.message)")
            }
        }
    }

    private mutating func lower(_ node: Draft.Node) throws(OneDNNError) {
        let type = draft.type(node.output)
        if case .view = node.kind {
            try lowerView(node)
        } else if type.shape.elementCount == 0 {
            define(node.output, try add(.arena, type))
        } else if draft.integerWeights(node) != nil {
            unconverted[node.output] = node
        } else {
            let before = steps.count
            let value = try compute(node)
            define(node.output, value)
            if steps.count > before { observations[steps.count - 1] = (node.output, value) }
        }
        for input in node.inputs {
            if let root = rootAtDefinition[input] { pendingUses[root, default: 0] -= 1 }
        }
    }

    // MARK: Precision

    /// The element type of the operands of a product that is not computed with integers.
    func element(of node: Draft.Node) -> LayoutElement {
        precision.products[node.name] != nil && Precision.usesBFloat16(draft.options) ? .bfloat16 : .float32
    }

    /// The element type of the result of a product that is not quantised.
    func resultElement(of node: Draft.Node) -> LayoutElement {
        precision.products[node.name]?.roundsResult == true ? element(of: node) : .float32
    }

    // MARK: Values

    mutating func add(_ place: PlannedValue.Place, _ layout: TensorLayout) -> Int {
        values.append(PlannedValue(place: place, layout: layout, byteCount: layout.byteCount))
        return values.count - 1
    }

    /// Adds a row-major value of this type.
    mutating func add(_ place: PlannedValue.Place, _ type: TensorType) throws(OneDNNError) -> Int {
        if type.element == .float32 { return add(place, try TensorLayout(type.planDimensions)) }
        values.append(PlannedValue(place: place, layout: nil, byteCount: type.byteCount))
        return values.count - 1
    }

    /// Releases the tensor of a constant.
    mutating func release(_ value: Int) {
        if case .constant = values[value].place { values[value].place = .laidOut }
    }

    func layout(_ value: Int) -> TensorLayout {
        guard let layout = values[value].layout else { preconditionFailure("value \(value) is not float32") }
        return layout
    }

    private mutating func define(_ name: String, _ value: Int) {
        names[name] = value
        let root = root(of: value)
        rootAtDefinition[name] = root
        pendingUses[root, default: 0] += uses[name, default: 0]
    }

    /// The value whose memory contains this one.
    func root(of value: Int) -> Int {
        var value = value
        while case .within(let parent, _) = values[value].place { value = parent }
        return value
    }

    /// The value of a name, as float32. A constant is added at its first use.
    mutating func value(of name: String) throws(OneDNNError) -> Int {
        try floating(try storedValue(of: name), for: name)
    }

    /// The value of a name, as float32 or bfloat16.
    mutating func unscaledValue(of name: String) throws(OneDNNError) -> Int {
        let value = try storedValue(of: name)
        return values[value].layout?.element == .bfloat16 ? value : try floating(value, for: name)
    }

    private mutating func floating(_ value: Int, for name: String) throws(OneDNNError) -> Int {
        guard let layout = values[value].layout, layout.element != .float32 else { return value }
        let node = Draft.Node(name: name, kind: .view, inputs: [], output: name)
        return try converted(value, to: layout.retyped(.float32), for: node)
    }

    /// The value of a name, in the element type that the step wrote.
    mutating func storedValue(of name: String) throws(OneDNNError) -> Int {
        if let value = names[name] { return value }
        if let base = lazyViews[name] {
            let view = try reshaped(base, draft.type(name))
            names[name] = view
            return view
        }
        if let node = unconverted[name], case .operation(.dequantizeLinear(let dequantize)) = node.kind {
            let value = try lowerDequantize(dequantize, node)
            names[name] = value
            return value
        }
        guard let tensor = draft.constants[name] else { preconditionFailure("'\(name)' is not computed yet") }
        let value = try addConstant(tensor)
        names[name] = value
        return value
    }

    mutating func addConstant(_ tensor: Tensor) throws(OneDNNError) -> Int {
        guard tensor.element == .float32 else { return try add(.constant(tensor, layout: nil), tensor.type) }
        let layout = try TensorLayout(tensor.type.planDimensions)
        return add(.constant(tensor, layout: layout), layout)
    }

    /// Whether a step of `node` may overwrite the operand: no other step needs its memory afterwards.
    func mayOverwrite(_ name: String, in node: Draft.Node) -> Bool {
        guard let value = names[name], case .arena = values[root(of: value)].place else { return false }
        return pendingUses[root(of: value)] == 1 && node.inputs.count { $0 == name } == 1
    }

    /// Moves a value of the arena, and all values in its memory, into a part of another value's memory.
    mutating func place(_ root: Int, within parent: Int, byteOffset: Int) {
        values[root].place = .within(parent, byteOffset: byteOffset)
        // Pending uses of its memory are now pending uses of the parent's.
        for (name, other) in rootAtDefinition where other == root { rootAtDefinition[name] = parent }
        pendingUses[parent, default: 0] += pendingUses.removeValue(forKey: root) ?? 0
    }

    // MARK: Layouts

    /// The value in another layout of the same shape.
    ///
    /// - Parameter scale: The scale of quantised elements.
    mutating func converted(
        _ value: Int, to target: TensorLayout, scale: Float = 1, for node: Draft.Node
    ) throws(OneDNNError) -> Int {
        if layout(value) == target, values[value].scale == scale { return value }
        if let copy = copies[value]?.first(where: { layout($0) == target && values[$0].scale == scale }) {
            return copy
        }
        let copy: Int
        if case .constant(let tensor, let source) = values[value].place, let source, layout(value) == source,
            scale == 1
        {
            copy = add(.constant(tensor, layout: source), target)
        } else {
            copy = try copied(value, to: target, scale: scale, for: node)
        }
        copies[value, default: []].append(copy)
        return copy
    }

    /// A copy of the value in another layout of the same shape. No other step uses it.
    mutating func copied(
        _ value: Int, to target: TensorLayout, scale: Float = 1, for node: Draft.Node
    ) throws(OneDNNError) -> Int {
        let copy = add(.arena, target)
        values[copy].scale = scale
        try emitReorder(value, copy, for: node)
        return copy
    }

    mutating func emitReorder(_ source: Int, _ destination: Int, for node: Draft.Node) throws(OneDNNError) {
        let reorder = try PrimitiveDescription.reorder(
            from: layout(source), to: layout(destination), scale: values[source].scale / values[destination].scale)
        emit(reorder, [(.source, source), (.destination, destination)], to: destination, "reorder", for: node)
    }

    mutating func rowMajor(_ value: Int, for node: Draft.Node) throws(OneDNNError) -> Int {
        guard let layout = values[value].layout, !layout.isRowMajor else { return value }
        return try converted(value, to: try TensorLayout(layout.dimensions), for: node)
    }

    /// A value with another layout in the same memory.
    mutating func alias(_ value: Int, as layout: TensorLayout, byteOffset: Int = 0) -> Int {
        if byteOffset == 0, case .constant(let tensor, let source) = values[value].place, source == values[value].layout
        {
            return add(.constant(tensor, layout: layout), layout)
        }
        let part = add(.within(value, byteOffset: byteOffset), layout)
        values[part].scale = values[value].scale
        return part
    }

    /// The elements of a value in row-major order, with another shape.
    mutating func reshaped(_ value: Int, _ type: TensorType) throws(OneDNNError) -> Int {
        guard values[value].layout != nil else {
            values.append(
                PlannedValue(place: .within(value, byteOffset: 0), layout: nil, byteCount: type.byteCount))
            return values.count - 1
        }
        let node = Draft.Node(name: "view", kind: .view, inputs: [], output: "")
        return alias(try rowMajor(value, for: node), as: try TensorLayout(type.planDimensions))
    }

    private mutating func lowerView(_ node: Draft.Node) throws(OneDNNError) {
        let base = try storedValue(of: node.inputs[0])
        if let layout = values[base].layout, !layout.isRowMajor {
            lazyViews[node.output] = base
            let root = root(of: base)
            rootAtDefinition[node.output] = root
            pendingUses[root, default: 0] += uses[node.output, default: 0]
        } else {
            define(node.output, try reshaped(base, draft.type(node.output)))
        }
    }

    /// The integers of weights that no step has converted to float32; `nil` for all other values.
    func integerWeights(_ name: String) -> IntegerWeights? {
        names[name] == nil ? unconverted[name].flatMap(draft.integerWeights) : nil
    }

    /// The operand of a view that is not materialised; `nil` for all other values.
    func base(ofView name: String) -> Int? { names[name] == nil ? lazyViews[name] : nil }

    // MARK: Steps

    mutating func emit(
        _ primitive: PrimitiveDescription, _ arguments: [(argument: Argument, value: Int)], to destination: Int,
        _ kind: String, fused: [String] = [], for node: Draft.Node
    ) {
        steps.append(
            PlannedStep(
                code: .primitive(primitive, arguments),
                sources: arguments.filter { $0.argument != .destination }.map(\.value), destination: destination,
                description: PlanStep(
                    name: node.name, kind: kind, fused: fused, implementation: primitive.implementation,
                    result: layout(destination).description)))
    }

    mutating func emit(
        _ convolution: BlockedWinograd, _ values: WinogradValues, to destination: Int, fused: [String],
        for node: Draft.Node
    ) {
        steps.append(
            PlannedStep(
                code: .winograd(convolution, values), sources: values.all, destination: destination,
                description: PlanStep(
                    name: node.name, kind: "convolution", fused: fused, implementation: convolution.implementation,
                    result: layout(destination).description)))
    }

    mutating func emit(_ loop: Loop, _ sources: [Int], to destination: Int, for node: Draft.Node) {
        let result = values[destination].layout?.description ?? draft.type(node.output).description
        steps.append(
            PlannedStep(
                code: .loop(loop), sources: sources, destination: destination,
                description: PlanStep(
                    name: node.name, kind: loop.name, fused: [], implementation: "loop", result: result)))
    }
}

extension TensorType {
    /// The extents for oneDNN, where a scalar has one extent of 1.
    var planDimensions: [Int] { shape.rank == 0 ? [1] : shape.dimensions }
}
