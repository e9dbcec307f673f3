/// The files of a bundle, `NAME.infenclave/`.
public enum BundleFile: String, Sendable, CaseIterable {
    case manifest = "manifest.json"
    /// The owner's signature over the exact bytes of the manifest.
    case signature = "manifest.sig"
    case frontNet = "frontnet.sealed"
    case mapping = "mapping.sealed"
    case backNet = "backnet.graph"
    /// The BackNet for other engines.
    case backNetONNX = "backnet.onnx"

    public var isSealed: Bool { self == .frontNet || self == .mapping }

    /// The parts that a manifest lists.
    public static func parts(everythingInside: Bool) -> [BundleFile] {
        everythingInside ? [.frontNet, .mapping] : [.frontNet, .mapping, .backNet, .backNetONNX]
    }
}
