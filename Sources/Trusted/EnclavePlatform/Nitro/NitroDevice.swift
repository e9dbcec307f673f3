// SPDX-License-Identifier: Apache-2.0
package import CNitro
import Glibc

/// One exchange with the Nitro security module. It is a protocol, so that tests can simulate the module.
package protocol NitroSecurityModule: Sendable {
    /// - Parameters:
    ///   - request: CBOR.
    ///   - limit: The most bytes of the answer.
    /// - Returns: CBOR.
    func exchange(_ request: [UInt8], limit: Int) throws(KernelError) -> [UInt8]
}

/// `/dev/nsm`, which only Nitro enclaves have (Linux `include/uapi/linux/nsm.h`).
package struct NitroDevice: NitroSecurityModule {
    package static let standardPath = "/dev/nsm"
    private let path: String
    private let call: cnitro_call

    /// - Parameters:
    ///   - path: The device.
    ///   - call: `ioctl`; tests replace it by a simulation of the driver.
    package init(path: String = NitroDevice.standardPath, call: @escaping cnitro_call = cnitro_ioctl) {
        self.path = path
        self.call = call
    }

    package func exchange(_ request: [UInt8], limit: Int) throws(KernelError) -> [UInt8] {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw KernelError(errno) }
        defer { close(descriptor) }
        var response = [UInt8](repeating: 0, count: limit)
        var used = 0
        let failure = cnitro_exchange(call, descriptor, request, request.count, &response, limit, &used)
        guard failure == 0 else { throw KernelError(failure) }
        return Array(response.prefix(used))
    }
}
