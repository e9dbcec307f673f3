// SPDX-License-Identifier: Apache-2.0
import OneDNN
import Tensors

/// The constants of a plan, in the layouts that its steps need. They are in one block. If there are other plans of the
/// same weights, each constant has a block of its own, or shares the one of a plan that holds the same bytes.
struct ConstantStore: Sendable {
    struct Place: Sendable {
        let storage: TensorStorage
        let byteOffset: Int
        let byteCount: Int
    }

    private(set) var places: [Int: Place] = [:]
    /// Bytes that this plan holds and does not share with plans that were compiled before.
    private(set) var byteCount = 0

    /// - Parameters:
    ///   - lowering: Each of its constants is released once it is converted, so that at most one is in memory twice.
    ///   - used: The values that steps use.
    ///   - others: Constants of other plans of the same weights.
    init(
        releasing lowering: inout Lowering, used: [Int], sharingWith others: [ConstantStore], stream: ExecutionStream,
        options: PlanOptions
    ) throws(OneDNNError) {
        let allocator = options.allocatorOfWeights
        let constants = used.filter { if case .constant = lowering.values[$0].place { true } else { false } }
        let kept = Set(constants)
        lowering.draft.constants = [:]
        lowering.draft.integers = [:]
        for value in lowering.values.indices where !kept.contains(value) { lowering.release(value) }
        if others.isEmpty {
            let sizes = constants.map { MemoryPlan.aligned(lowering.values[$0].byteCount) }
            byteCount = sizes.reduce(0, +)
            let block = try allocator.block(byteCount)
            var offset = 0
            for (value, size) in zip(constants, sizes) {
                let place = Place(storage: block, byteOffset: offset, byteCount: lowering.values[value].byteCount)
                try Self.convert(value, of: &lowering, to: place, stream, allocator)
                places[value] = place
                offset += size
            }
            return
        }
        var known: [Int: [Place]] = [:]
        for place in others.flatMap(\.places.values) { known[place.byteCount, default: []].append(place) }
        for value in constants {
            let size = lowering.values[value].byteCount
            let own = Place(
                storage: try allocator.block(MemoryPlan.aligned(size)), byteOffset: 0, byteCount: size)
            try Self.convert(value, of: &lowering, to: own, stream, allocator)
            if let other = known[size]?.first(where: own.holdsTheSame) {
                places[value] = other
            } else {
                places[value] = own
                known[size, default: []].append(own)
                byteCount += own.storage.byteCount
            }
        }
    }

    /// Writes a constant to `place` in the layout of its value, and releases the tensor.
    private static func convert(
        _ value: Int, of lowering: inout Lowering, to place: Place, _ stream: ExecutionStream,
        _ allocator: StorageAllocator
    ) throws(OneDNNError) {
        defer { lowering.release(value) }
        guard case .constant(let tensor, let source) = lowering.values[value].place, tensor.byteCount > 0 else {
            return
        }
        guard let source, let target = lowering.values[value].layout, source != target else {
            tensor.withBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                (place.storage.base + place.byteOffset).copyMemory(from: base, byteCount: bytes.count)
            }
            return
        }
        if let weights = WinogradWeights(target, of: source) {
            weights.transform(
                tensor, to: place.storage, byteOffset: place.byteOffset,
                scratch: try allocator.block(weights.scratchBytes))
            return
        }
        let from = try TensorMemory(source)
        try from.bind(to: tensor.storage, byteOffset: tensor.byteOffset)
        let to = try TensorMemory(target)
        try to.bind(to: place.storage, byteOffset: place.byteOffset)
        let reorder = try PrimitiveDescription.reorder(from: source, to: target)
        // The plan's scratch memory is for runs, and only this conversion needs this much.
        let scratch = try TensorMemory(reorder.scratchpad)
        try scratch.bind(to: try allocator.block(reorder.scratchpad.byteCount), byteOffset: 0)
        try Invocation(reorder, [(.source, from), (.destination, to), (.scratchpad, scratch)]).execute(on: stream)
    }
}

extension ConstantStore.Place {
    private var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: storage.base + byteOffset, count: byteCount)
    }

    func holdsTheSame(as other: Self) -> Bool {
        // The first bytes of different weights nearly always differ, so most comparisons end early.
        byteCount == other.byteCount && bytes.elementsEqual(other.bytes)
    }
}

extension StorageAllocator {
    /// Allocates memory.
    ///
    /// - Throws: ``OneDNNError`` if the allocation fails.
    func block(_ byteCount: Int) throws(OneDNNError) -> TensorStorage {
        guard let storage = allocateIfAvailable(byteCount: byteCount) else {
            throw OneDNNError(message: "\(byteCount) bytes of memory are not available", isUnimplemented: false)
        }
        return storage
    }
}
