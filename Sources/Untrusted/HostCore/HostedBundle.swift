// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
import Wire

/// The host's view of a bundle: sealed parts that it cannot decrypt, and the BackNet.
package struct HostedBundle: Sendable {
    /// SHA-256 of ``manifestCore``, 32 bytes; it identifies the bundle.
    package let manifestDigest: [UInt8]
    /// The exact bytes of `manifest.core`.
    package let manifestCore: [UInt8]
    /// The exact bytes of `manifest.json`.
    package let manifest: [UInt8]
    /// The owner's signature of the manifest core, 64 bytes.
    package let manifestSignature: [UInt8]
    package let frontNet: PartContent
    package let mappingUnit: PartContent
    /// The size of both sealed parts.
    var partBytes: Int { frontNet.byteCount + mappingUnit.byteCount }
    /// `nil` if everything is inside, or after a host has taken ownership of it.
    package internal(set) var backNet: Graph?
    /// `backnet.graph`, which the enclave needs where its owner demands an audit; `nil` when everything is inside.
    package let backNetFile: PartContent?
    /// The precision of the BackNet.
    package let backNetPrecision: PrecisionTable

    package init(
        manifestDigest: [UInt8], manifestCore: [UInt8], manifest: [UInt8], manifestSignature: [UInt8],
        frontNet: PartContent, mappingUnit: PartContent, backNet: Graph?,
        backNetFile: PartContent? = nil,
        backNetPrecision: PrecisionTable = .float32
    ) {
        self.manifestDigest = manifestDigest
        self.manifestCore = manifestCore
        self.manifest = manifest
        self.manifestSignature = manifestSignature
        self.frontNet = frontNet
        self.mappingUnit = mappingUnit
        self.backNet = backNet
        self.backNetFile = backNetFile
        self.backNetPrecision = backNetPrecision
    }
}
