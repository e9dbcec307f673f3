internal import FoundationEssentials
internal import Glibc
internal import Synchronization

/// Where ``RecordStore``s keep their records: in memory while there is some left, then in files without a name, which go
/// with the store even when the process is killed.
package final class ScratchSpace: Sendable {
    /// For all stores together.
    package static let memoryBytes = 256 << 20

    private let folder: String
    private let free: Mutex<Int>

    /// - Parameter folder: Of the files; made when there is one. `nil` for the system's folder of temporary files.
    package init(folder: String? = nil, memoryBytes: Int = ScratchSpace.memoryBytes) {
        self.folder = folder ?? FileManager.default.temporaryDirectory.path()
        free = Mutex(memoryBytes)
    }

    /// Whether there is that much memory, which then counts as used.
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
