/// The files of a bundle, `NAME.infenclave/`.
public enum BundleFile: String, Sendable, CaseIterable {
    case manifest = "manifest.json"
    /// The owner's signature over the exact bytes of the manifest.
    case signature = "manifest.sig"
    case frontNet = "frontnet.sealed"
    case mapping = "mapping.sealed"
    case backNet = "backnet.graph"
    /// What the BackNet computes with, where that is not f32.
    case backNetPrecision = "backnet.precision"
    /// The BackNet for other engines.
    case backNetONNX = "backnet.onnx"

    public var isSealed: Bool { self == .frontNet || self == .mapping }

    /// The parts that a manifest lists.
    public static func parts(everythingInside: Bool, precision: String) -> [BundleFile] {
        let sealed: [BundleFile] = [.frontNet, .mapping]
        guard !everythingInside else { return sealed }
        return sealed + [.backNet, .backNetONNX] + (precision == "f32" ? [] : [.backNetPrecision])
    }
}
