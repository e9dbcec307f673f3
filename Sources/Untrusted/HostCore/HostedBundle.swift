package import ModelGraph
import Wire

/// What the host holds of a bundle: sealed parts that it cannot open, and the BackNet.
package struct HostedBundle: Sendable {
    /// The exact bytes of `manifest.json`.
    package let manifest: [UInt8]
    /// 64 bytes.
    package let manifestSignature: [UInt8]
    /// 32 bytes. The enclave checks the signature with it and clients check it against their policy.
    package let ownerPublicKey: [UInt8]
    package let frontNet: [UInt8]
    package let mappingUnit: [UInt8]
    /// `nil` when everything is inside, or once a host has taken it over.
    package internal(set) var backNet: Graph?
    /// What the BackNet computes with.
    package let backNetPrecision: PrecisionTable

    package init(
        manifest: [UInt8], manifestSignature: [UInt8], ownerPublicKey: [UInt8], frontNet: [UInt8],
        mappingUnit: [UInt8], backNet: Graph?, backNetPrecision: PrecisionTable = .float32
    ) {
        self.manifest = manifest
        self.manifestSignature = manifestSignature
        self.ownerPublicKey = ownerPublicKey
        self.frontNet = frontNet
        self.mappingUnit = mappingUnit
        self.backNet = backNet
        self.backNetPrecision = backNetPrecision
    }
}
