import Glibc

/// One exchange with the Nitro security module. A protocol so that tests can put a model of the module in its place.
package protocol NitroSecurityModule: Sendable {
    /// - Parameters:
    ///   - request: CBOR.
    ///   - limit: The most bytes of the answer.
    /// - Returns: CBOR.
    func exchange(_ request: [UInt8], limit: Int) throws(KernelError) -> [UInt8]
}

/// `/dev/nsm`, which only Nitro enclaves have (Linux `include/uapi/linux/nsm.h`).
package struct NitroDevice: NitroSecurityModule {
    /// `_IOWR(0x0A, 0, struct nsm_raw)`.
    private static let request: UInt = 0xC020_0A00
    private static let path = "/dev/nsm"

    package init() {}

    package func exchange(_ request: [UInt8], limit: Int) throws(KernelError) -> [UInt8] {
        let descriptor = open(Self.path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw KernelError(errno) }
        defer { close(descriptor) }
        var request = request
        var response = [UInt8](repeating: 0, count: limit)
        var used: UInt64 = 0
        let failure = request.withUnsafeMutableBytes { request in
            response.withUnsafeMutableBytes { response -> Int32 in
                // struct nsm_raw: address and length of the request, address and length of the response.
                var message: [UInt64] = [
                    UInt64(UInt(bitPattern: request.baseAddress)), UInt64(request.count),
                    UInt64(UInt(bitPattern: response.baseAddress)), UInt64(response.count),
                ]
                let code = message.withUnsafeMutableBytes { message -> Int32 in
                    guard let base = message.baseAddress else { return -1 }
                    return ioctl(descriptor, Self.request, base)
                }
                used = message[3]
                return code == 0 ? 0 : errno
            }
        }
        guard failure == 0 else { throw KernelError(failure) }
        guard used <= UInt64(limit) else { throw KernelError(EPROTO) }
        return Array(response.prefix(Int(used)))
    }
}
