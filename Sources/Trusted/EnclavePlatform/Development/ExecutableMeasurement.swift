// SPDX-License-Identifier: Apache-2.0
import Crypto
package import EnclaveCore
import Glibc

/// The measurement of the development TEE: SHA-384 of the enclave executable. Libraries that it loads are not measured.
package enum ExecutableMeasurement {
    /// Measures the file that this process was started from, even if another lies at its path by now.
    ///
    /// - Returns: 48 bytes.
    package static func ofThisProcess() throws(EvidenceSourceError) -> [UInt8] { try ofFile("/proc/self/exe") }

    package static func ofFile(_ path: String) throws(EvidenceSourceError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw EvidenceSourceError(.failed, "'\(path)' cannot be opened for measuring: errno \(errno)")
        }
        defer { close(descriptor) }
        var hash = SHA384()
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return Array(hash.finalize()) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw EvidenceSourceError(.failed, "'\(path)' cannot be measured: errno \(errno)") }
            buffer.withUnsafeBytes { hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
    }
}
