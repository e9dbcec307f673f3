// SPDX-License-Identifier: Apache-2.0
import OneDNN
import Tensors

/// The memory and primitives of a plan.
///
/// - Note: `@unchecked Sendable` because the plan that owns it uses it under a mutex only.
final class Execution: @unchecked Sendable {
    private enum Code {
        case primitive(Invocation)
        case loop(Loop, sources: [Int], destination: Int)
        case winograd(BlockedWinogradInvocation, WinogradValues, destination: Int)
    }

    private let stream: ExecutionStream
    private let codes: [Code]
    private let lowering: Lowering
    let constants: ConstantStore
    private let arena: TensorStorage
    private let arenaOffsets: [Int: Int]
    private let allocator: StorageAllocator
    /// Values in input and result tensors, whose addresses differ between runs.
    private let changing: [(value: Int, memory: TensorMemory)]
    let memory: PlanMemory

    /// - Parameters:
    ///   - lowering: Its constants are released as they are converted.
    ///   - others: Constants of other plans of the same weights.
    init(
        _ lowering: inout Lowering, sharingWith others: [ConstantStore], options: PlanOptions
    ) throws(OneDNNError) {
        let stream = try ExecutionStream()
        let plan = MemoryPlan(lowering.intervals)
        var used: Set<Int> = []
        var scratchBytes = 0
        for step in lowering.steps {
            for value in step.sources + [step.destination] { used.formUnion([value, lowering.root(of: value)]) }
            switch step.code {
            case .primitive(let primitive, _): scratchBytes = max(scratchBytes, primitive.scratchpad.byteCount)
            case .winograd(let convolution, _): scratchBytes = max(scratchBytes, convolution.scratchByteCount)
            case .loop: break
            }
        }
        let constants = try ConstantStore(
            releasing: &lowering, used: used.sorted(), sharingWith: others, stream: stream, options: options)
        guard plan.byteCount <= options.maximumWorkingBytes - scratchBytes else {
            throw OneDNNError(
                message: "activations of \(plan.byteCount) bytes and scratch memory of \(scratchBytes) exceed "
                    + "\(options.maximumWorkingBytes)",
                isUnimplemented: false)
        }
        let arena = try options.allocator.block(plan.byteCount + MemoryPlan.aligned(scratchBytes))

        var memories: [Int: TensorMemory] = [:]
        var changing: [(value: Int, memory: TensorMemory)] = []
        var codes: [Code] = []
        for step in lowering.steps {
            switch step.code {
            case .loop(let loop):
                codes.append(.loop(loop, sources: step.sources, destination: step.destination))
            case .winograd(let convolution, let operands):
                let weights = try TensorMemory(convolution.weights)
                guard let place = constants.places[operands.weights] else {
                    throw OneDNNError(
                        message: "weights of \(step.description.name) have no memory", isUnimplemented: false)
                }
                try weights.bind(to: place.storage, byteOffset: place.byteOffset)
                let invocation = try BlockedWinogradInvocation(
                    convolution, weights: weights, scratch: arena, byteOffset: plan.byteCount)
                codes.append(.winograd(invocation, operands, destination: step.destination))
            case .primitive(let primitive, let arguments):
                var bound: [(Argument, TensorMemory)] = []
                for (argument, value) in arguments {
                    if let memory = memories[value] {
                        bound.append((argument, memory))
                        continue
                    }
                    let memory = try TensorMemory(lowering.layout(value))
                    memories[value] = memory
                    bound.append((argument, memory))
                    let (root, offset) = lowering.address(of: value)
                    switch lowering.values[root].place {
                    case .arena: try memory.bind(to: arena, byteOffset: offset + (plan.offsets[root] ?? 0))
                    case .laidOut:
                        guard let place = constants.places[root] else { continue }
                        try memory.bind(to: place.storage, byteOffset: offset + place.byteOffset)
                    case .input, .output, .within, .constant: changing.append((value, memory))
                    }
                }
                if primitive.scratchpad.byteCount > 0 {
                    let scratch = try TensorMemory(primitive.scratchpad)
                    try scratch.bind(to: arena, byteOffset: plan.byteCount)
                    bound.append((.scratchpad, scratch))
                }
                codes.append(.primitive(try Invocation(primitive, bound)))
            }
        }
        self.stream = stream
        self.codes = codes
        self.lowering = lowering
        self.constants = constants
        self.arena = arena
        arenaOffsets = plan.offsets
        allocator = options.allocator
        self.changing = changing
        memory = PlanMemory(
            constantBytes: constants.byteCount, arenaBytes: plan.byteCount,
            scratchBytes: MemoryPlan.aligned(scratchBytes))
    }

    /// Runs the steps and returns the results.
    ///
    /// - Parameters:
    ///   - inputs: Tensors of the plan's types.
    ///   - results: Where each result is stored.
    ///   - observe: Called with the name and the elements of each node's float32 result, if `observes`.
    ///   - afterStep: Called after each step.
    func run(
        _ inputs: [Tensor], results: [PlannedResult],
        observing observe: (String, UnsafeBufferPointer<Float>) -> Void, observes: Bool, afterStep: () -> Void
    ) throws(OneDNNError) -> [Tensor] {
        var made: [Int: TensorStorage] = [:]
        for case .made(let position, let type) in results where made[position] == nil {
            made[position] = try allocator.block(type.byteCount)
        }
        for (value, memory) in changing {
            let (storage, offset) = try place(of: value, inputs, made)
            try memory.bind(to: storage, byteOffset: offset)
        }
        defer { for (_, memory) in changing { memory.unbind() } }
        for (index, code) in codes.enumerated() {
            switch code {
            case .primitive(let invocation): try invocation.execute(on: stream)
            case .loop(let loop, let sources, let destination):
                var bases: [UnsafeRawPointer] = []
                for source in sources {
                    let (storage, offset) = try place(of: source, inputs, made)
                    bases.append(UnsafeRawPointer(storage.base + offset))
                }
                let (storage, offset) = try place(of: destination, inputs, made)
                loop.body(bases, storage.base + offset)
            case .winograd(let invocation, let operands, let destination):
                func base(_ value: Int) throws(OneDNNError) -> UnsafeMutableRawPointer {
                    let (storage, offset) = try place(of: value, inputs, made)
                    return storage.base + offset
                }
                var (bias, addend): (UnsafeRawPointer?, UnsafeRawPointer?)
                if let value = operands.bias { bias = UnsafeRawPointer(try base(value)) }
                if let value = operands.addend { addend = UnsafeRawPointer(try base(value)) }
                let memory = BlockedWinogradOperands(
                    source: try base(operands.source), bias: bias, addend: addend, destination: try base(destination))
                try invocation.execute(memory, on: stream)
            }
            if observes, let (name, value) = lowering.observations[index],
                lowering.values[value].layout?.element == .float32
            {
                let (storage, offset) = try place(of: value, inputs, made)
                let count = lowering.values[value].byteCount / 4
                let base = (storage.base + offset).assumingMemoryBound(to: Float.self)
                observe(name, UnsafeBufferPointer(start: UnsafePointer(base), count: count))
            }
            afterStep()
        }
        var outputs: [Tensor] = []
        do throws(TensorError) {
            for result in results {
                switch result {
                case .input(let input, let type):
                    outputs.append(try inputs[input].reshaped(type.shape.dimensions))
                case .constant(let tensor): outputs.append(tensor)
                case .made(let position, let type):
                    guard let storage = made[position] else { continue }
                    outputs.append(try Tensor(type: type, storage: storage))
                }
            }
        } catch { throw OneDNNError(message: error.message, isUnimplemented: false) }
        return outputs
    }

    /// The memory of a value in this run.
    private func place(
        of value: Int, _ inputs: [Tensor], _ made: [Int: TensorStorage]
    ) throws(OneDNNError) -> (TensorStorage, Int) {
        let (root, offset) = lowering.address(of: value)
        switch lowering.values[root].place {
        case .arena: return (arena, offset + (arenaOffsets[root] ?? 0))
        case .laidOut:
            if let place = constants.places[root] { return (place.storage, offset + place.byteOffset) }
        case .input(let position): return (inputs[position].storage, offset + inputs[position].byteOffset)
        case .output(let position):
            if let storage = made[position] { return (storage, offset) }
        case .within, .constant: break
        }
        throw OneDNNError(message: "value \(value) has no memory", isUnimplemented: false)
    }
}

extension Lowering {
    /// The value whose memory contains this one, and the byte offset in it.
    func address(of value: Int) -> (root: Int, byteOffset: Int) {
        var (value, byteOffset) = (value, 0)
        while case .within(let parent, let offset) = values[value].place {
            byteOffset += offset
            value = parent
        }
        return (value, byteOffset)
    }
}
