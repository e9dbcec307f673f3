// SPDX-License-Identifier: Apache-2.0
package import Evidence
import Tensors

extension BundleManifest {
    /// Checks that this manifest agrees with its core in everything that both state. The core is what the owner signed
    /// and the enclave checked.
    ///
    /// - Throws: ``BundleFormatError`` that names the member.
    package func check(against core: ManifestCore) throws(BundleFormatError) {
        func require(_ holds: Bool, _ member: String) throws(BundleFormatError) {
            guard holds else {
                throw BundleFormatError(
                    .malformed,
                    "manifest.json: \(member) is not what the signed manifest core says; the owner has to "
                        + "make the bundle again")
            }
        }
        let service = core.service
        try require(identifier == core.identifier.hex, "identifier")
        try require(ownerPublicKey == core.ownerPublicKey.hex, "ownerPublicKey")
        try require(input.shape == [1, service.channels, service.height, service.width], "input.shape")
        let preprocessing = input.preprocessing
        try require(
            [preprocessing.channels.count, preprocessing.height, preprocessing.width]
                == [service.channels, service.height, service.width], "input.preprocessing")
        // The manifest has the precision of the whole network, the core that of the parts inside.
        let precisions = ["f32", "bf16", "int8"]
        let inside = precisions[Int(service.precision.rawValue) - 1]
        try require(
            precisions.firstIndex(of: precision).map { $0 >= Int(service.precision.rawValue) - 1 } ?? false,
            "precision, which is less far from f32 than the core's \(inside),")
        try require(input.elements == (service.acceptsFloats ? ["u8", "f32"] : ["u8"]), "input.elements")
        try require(cuts.everythingInside == service.isEverythingInside, "cuts.everythingInside")
        try require(Self.agree(boundary.toBackNet, service.toHost), "boundary.toBackNet")
        try require(Self.agree(boundary.fromBackNet, service.fromHost), "boundary.fromBackNet")
        try require(boundary.sigma == service.sigma, "boundary.sigma")
        try require(classes == service.classes, "classes")
        try require(topK == service.topK, "topK")
        let listed = parts.compactMap { part in BundleFile(rawValue: part.file)?.partKind.map { ($0, part) } }
        try require(listed.count == core.parts.count && parts.count == core.parts.count, "parts")
        for (kind, part) in listed {
            let expected = core.part(kind)
            try require(
                part.sha256 == expected?.digest.hex && part.bytes == expected?.byteCount, "the entry of \(part.file)")
        }
    }

    private static func agree(_ listed: [CrossingTensor], _ types: [TensorType]) -> Bool {
        listed.count == types.count
            && zip(listed, types).allSatisfy { tensor, type in
                tensor.shape == type.shape.dimensions && tensor.type == type.element.description
                    && tensor.bytes == type.byteCount
            }
    }
}
