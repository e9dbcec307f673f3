/// What an image is for.
package enum ImageKind: String, Sendable, Hashable, CaseIterable, Codable {
    case nitro
    case snp
    case tdx
    case sgx
}

/// How a guest reaches its host.
package enum ImageTransport: String, Sendable, Hashable, CaseIterable, Codable {
    case vsock
    /// A virtio-serial port, for hosts whose kernel has no vsock.
    case serial

    /// Where the host listens. AWS's tools listen at 9000.
    package static let port = 9001
    /// The name of the serial port.
    static let serialName = "infenclave.0"
}
