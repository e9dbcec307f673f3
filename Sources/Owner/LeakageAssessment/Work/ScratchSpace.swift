// SPDX-License-Identifier: Apache-2.0
internal import FoundationEssentials
internal import Glibc
internal import Synchronization

/// Memory for the records of ``RecordStore``s; when it is used up, unnamed files, which disappear with the store even
/// if the process is killed.
package final class ScratchSpace: Sendable {
    /// Limit for all stores together, in bytes.
    package static let memoryBytes = 256 << 20

    private let folder: String
    private let free: Mutex<Int>

    /// - Parameter folder: The folder of the files, created when the first is needed. `nil` for the system's folder of
    ///   temporary files.
    package init(folder: String? = nil, memoryBytes: Int = ScratchSpace.memoryBytes) {
        self.folder = folder ?? FileManager.default.temporaryDirectory.path()
        free = Mutex(memoryBytes)
    }

    /// Reserves memory; `false` if there is not enough left.
    func reserve(_ bytes: Int) -> Bool {
        free.withLock { free in
            guard bytes <= free else { return false }
            free -= bytes
            return true
        }
    }

    func release(_ bytes: Int) { free.withLock { $0 += bytes } }

    /// - Throws: ``AssessmentError`` `.file`.
    func makeFile() throws(AssessmentError) -> Int32 {
        try PrivateFolder.make(folder)
        let name = "\(folder)/.scratch-\(getpid())-\(UInt64.random(in: 0...UInt64.max)).partial"
        let descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw PrivateFolder.failure(folder, "a temporary file cannot be made") }
        unlink(name)
        return descriptor
    }

    func failure() -> AssessmentError { PrivateFolder.failure(folder, "a temporary file cannot be written") }
}
