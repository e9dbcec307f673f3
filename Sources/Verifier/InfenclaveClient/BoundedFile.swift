// SPDX-License-Identifier: Apache-2.0
package import Foundation

/// Reads a whole file of limited size.
package enum BoundedFile {
    /// Why a file cannot be read.
    package struct Fault: Error {
        /// `errno` of the call that failed; 0 if the file itself is unsuitable.
        package let number: Int32
        private let unsuitable: String

        fileprivate init(number: Int32) { (self.number, unsuitable) = (number, "") }
        fileprivate init(_ unsuitable: String) { (number, self.unsuitable) = (0, unsuitable) }

        package var isMissingFile: Bool { number == ENOENT }

        /// The end of a message, such as ": Permission denied".
        package var suffix: String { number == 0 ? ": \(unsuitable)" : SystemReason.suffix(of: number) }
    }

    /// Links are followed; pipes, devices and folders are refused without waiting for them.
    package static func contents(of path: String, maximumBytes: Int) throws(Fault) -> Data {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Fault(number: errno) }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Fault(number: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Fault("it is not a regular file") }
        let data: Data
        do { data = try file.read(upToCount: maximumBytes + 1) ?? Data() } catch {
            throw Fault("\(error.localizedDescription)")
        }
        guard data.count <= maximumBytes else { throw Fault("it has more than \(maximumBytes) bytes") }
        return data
    }
}
