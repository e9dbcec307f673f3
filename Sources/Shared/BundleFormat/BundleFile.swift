// SPDX-License-Identifier: Apache-2.0
package import Evidence

/// The files of a bundle, `NAME.infenclave/`.
package enum BundleFile: String, Sendable, CaseIterable {
    /// The signed, canonical part of the manifest, which the enclave checks.
    case manifestCore = "manifest.core"
    /// The readable form of the manifest.
    case manifest = "manifest.json"
    /// The owner's signature over the exact bytes of the manifest core.
    case signature = "manifest.sig"
    case frontNet = "frontnet.sealed"
    case mapping = "mapping.sealed"
    case backNet = "backnet.graph"
    /// The precision table of the BackNet, if it is not all f32.
    case backNetPrecision = "backnet.precision"
    /// The BackNet for other engines.
    case backNetONNX = "backnet.onnx"

    /// The kind of this file in the manifest core; `nil` for the manifest itself.
    package var partKind: ManifestCore.PartKind? {
        switch self {
        case .manifestCore, .manifest, .signature: nil
        case .frontNet: .frontNet
        case .mapping: .mappingUnit
        case .backNet: .backNet
        case .backNetPrecision: .backNetPrecision
        case .backNetONNX: .backNetONNX
        }
    }

    /// Whether the file is encrypted with the model key.
    package var isSealed: Bool { self == .frontNet || self == .mapping }

    /// The parts that a manifest lists.
    package static func parts(everythingInside: Bool, precision: String) -> [BundleFile] {
        let sealed: [BundleFile] = [.frontNet, .mapping]
        guard !everythingInside else { return sealed }
        return sealed + [.backNet, .backNetONNX] + (precision == "f32" ? [] : [.backNetPrecision])
    }
}
