import OneDNN
import Tensors

/// The constants of a plan, each once, in the layout that the steps want, in one block.
struct ConstantStore {
    let storage: TensorStorage
    private(set) var offsets: [Int: Int] = [:]

    /// - Parameters:
    ///   - lowering: Each of its constants is released once it is laid out here, so that weights are held once.
    ///   - used: The values that steps read.
    init(
        releasing lowering: inout Lowering, used: [Int], stream: ExecutionStream, options: PlanOptions
    ) throws(OneDNNError) {
        var byteCount = 0
        for value in used {
            guard case .constant = lowering.values[value].place else { continue }
            offsets[value] = byteCount
            byteCount += MemoryPlan.aligned(lowering.values[value].byteCount)
        }
        storage = options.allocator.allocate(byteCount: byteCount)
        lowering.draft.constants = [:]
        for value in lowering.values.indices where offsets[value] == nil { lowering.release(value) }
        for (value, offset) in offsets.sorted(by: { $0.key < $1.key }) {
            defer { lowering.release(value) }
            guard case .constant(let tensor, let source) = lowering.values[value].place, tensor.byteCount > 0 else {
                continue
            }
            guard let source, let target = lowering.values[value].layout, source != target else {
                tensor.withBytes { bytes in
                    guard let base = bytes.baseAddress else { return }
                    (storage.base + offset).copyMemory(from: base, byteCount: bytes.count)
                }
                continue
            }
            let from = try TensorMemory(source)
            try from.bind(to: tensor.storage, byteOffset: tensor.byteOffset)
            let to = try TensorMemory(target)
            try to.bind(to: storage, byteOffset: offset)
            let reorder = try PrimitiveDescription.reorder(from: source, to: target)
            // Only the copies of constants need scratch memory here, and once.
            let scratch = try TensorMemory(reorder.scratchpad)
            let scratchStorage = options.allocator.allocate(byteCount: reorder.scratchpad.byteCount)
            try scratch.bind(to: scratchStorage, byteOffset: 0)
            try Invocation(reorder, [(.source, from), (.destination, to), (.scratchpad, scratch)]).execute(on: stream)
        }
    }
}
