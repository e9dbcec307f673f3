// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import Synchronization

/// Records of one length, each written once and read in any order by any thread. Memory does not grow with their
/// number: see ``ScratchSpace``.
package final class RecordStore<Element: BitwiseCopyable & Sendable>: Sendable {
    private enum Place: Sendable {
        case memory(bytes: Int)
        case file(Int32)
    }

    package let count: Int
    /// Elements of a record.
    package let length: Int
    private let space: ScratchSpace
    private let place: Place
    private let records: Mutex<[[Element]]>
    private let failed = Atomic(false)

    /// - Throws: ``AssessmentError`` `.file` when a file is needed and cannot be created.
    package init(count: Int, length: Int, in space: ScratchSpace) throws(AssessmentError) {
        self.count = count
        self.length = length
        self.space = space
        let bytes = count * length * MemoryLayout<Element>.stride
        if space.reserve(bytes) {
            place = .memory(bytes: bytes)
            records = Mutex(Array(repeating: [], count: count))
        } else {
            place = .file(try space.makeFile())
            records = Mutex([])
        }
    }

    deinit {
        switch place {
        case .memory(let bytes): space.release(bytes)
        case .file(let descriptor): close(descriptor)
        }
    }

    /// - Throws: ``AssessmentError`` `.file` when the disk is full.
    package func write(_ record: [Element], at index: Int) throws(AssessmentError) {
        precondition(record.count == length && index < count)
        switch place {
        case .memory: records.withLock { $0[index] = record }
        case .file(let descriptor):
            let offset = index * length * MemoryLayout<Element>.stride
            guard record.withUnsafeBytes({ Descriptor.write(descriptor, $0, at: offset) }) else {
                throw space.failure()
            }
        }
    }

    /// A record that was written. A record that cannot be read is zeros, and ``check()`` reports it.
    package func record(_ index: Int) -> [Element] { part(of: index, 0..<length) }

    package func part(of index: Int, _ range: Range<Int>) -> [Element] {
        switch place {
        case .memory:
            let record = records.withLock { $0[index] }
            return range.count == length ? record : Array(record[range])
        case .file(let descriptor):
            let stride = MemoryLayout<Element>.stride
            return [Element](unsafeUninitializedCapacity: range.count) { target, filled in
                let bytes = UnsafeMutableRawBufferPointer(target)
                let offset = (index * length + range.lowerBound) * stride
                if !Descriptor.read(descriptor, into: .init(rebasing: bytes[..<(range.count * stride)]), at: offset) {
                    failed.store(true, ordering: .relaxed)
                    bytes.initializeMemory(as: UInt8.self, repeating: 0)
                }
                filled = range.count
            }
        }
    }

    /// - Throws: ``AssessmentError`` `.file` when a record could not be read since the store was created.
    package func check() throws(AssessmentError) {
        if failed.load(ordering: .relaxed) {
            throw AssessmentError(.file, "a temporary file could not be read again: the disk fails")
        }
    }
}
