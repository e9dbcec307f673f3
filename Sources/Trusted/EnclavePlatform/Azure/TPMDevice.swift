// SPDX-License-Identifier: Apache-2.0
import Glibc

/// One exchange with a TPM. It is a protocol, so that tests can use a software TPM.
package protocol TrustedPlatformModule: Sendable {
    /// - Parameter command: With its header.
    /// - Returns: The response with its header.
    func exchange(_ command: [UInt8]) throws(KernelError) -> [UInt8]
}

/// `/dev/tpmrm0`, the kernel's resource manager: one write is a command, one read its response.
package struct TPMDevice: TrustedPlatformModule {
    /// `TPM_BUFSIZE` of the kernel.
    package static let maximumBytes = 4096
    package static let standardPath = "/dev/tpmrm0"
    private let path: String

    package init(path: String = TPMDevice.standardPath) { self.path = path }

    package func exchange(_ command: [UInt8]) throws(KernelError) -> [UInt8] {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw KernelError(errno) }
        defer { close(descriptor) }
        guard command.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == command.count else {
            throw KernelError(errno == 0 ? EIO : errno)
        }
        var response = [UInt8](repeating: 0, count: Self.maximumBytes)
        let count = response.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        guard count >= 0 else { throw KernelError(errno) }
        return Array(response.prefix(count))
    }
}
