// SPDX-License-Identifier: Apache-2.0
/// The platform of an image.
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

    /// The port that the host listens on. AWS's tools use 9000.
    package static let port = 9001
    /// The name of the serial port.
    static let serialName = "infenclave.0"
}
