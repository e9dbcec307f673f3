public import Evidence

/// The files of a bundle, `NAME.infenclave/`.
public enum BundleFile: String, Sendable, CaseIterable {
    /// The signed, canonical part of the manifest, which the enclave checks.
    case manifestCore = "manifest.core"
    /// Its readable twin.
    case manifest = "manifest.json"
    /// The owner's signature over the exact bytes of the manifest core.
    case signature = "manifest.sig"
    case frontNet = "frontnet.sealed"
    case mapping = "mapping.sealed"
    case backNet = "backnet.graph"
    /// What the BackNet computes with, where that is not f32.
    case backNetPrecision = "backnet.precision"
    /// The BackNet for other engines.
    case backNetONNX = "backnet.onnx"

    /// What the manifest core calls it; `nil` for the manifest itself.
    public var partKind: ManifestCore.PartKind? {
        switch self {
        case .manifestCore, .manifest, .signature: nil
        case .frontNet: .frontNet
        case .mapping: .mappingUnit
        case .backNet: .backNet
        case .backNetPrecision: .backNetPrecision
        case .backNetONNX: .backNetONNX
        }
    }

    public var isSealed: Bool { self == .frontNet || self == .mapping }

    /// The parts that a manifest lists.
    public static func parts(everythingInside: Bool, precision: String) -> [BundleFile] {
        let sealed: [BundleFile] = [.frontNet, .mapping]
        guard !everythingInside else { return sealed }
        return sealed + [.backNet, .backNetONNX] + (precision == "f32" ? [] : [.backNetPrecision])
    }
}
