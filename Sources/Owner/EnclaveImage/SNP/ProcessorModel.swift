// SPDX-License-Identifier: Apache-2.0
/// A processor model of QEMU, `-cpu NAME`, whose CPUID signature is in the measured state of every processor.
///
/// - Source: QEMU, target/i386/cpu.c.
package struct ProcessorModel: Sendable, Hashable {
    package let name: String
    /// CPUID function 1, EAX.
    package let signature: UInt32

    private static let signatures: [(prefix: String, signature: UInt32)] = [
        ("EPYC", 0x80_0F12), ("EPYC-Rome", 0x83_0F10), ("EPYC-Milan", 0xA0_0F11), ("EPYC-Genoa", 0xA1_0F10),
        ("EPYC-Turin", 0xB0_0F00),
    ]
    private static let versions: [String: ClosedRange<Int>] = [
        "EPYC": 1...5, "EPYC-Rome": 1...5, "EPYC-Milan": 1...3, "EPYC-Genoa": 1...2, "EPYC-Turin": 1...1,
    ]

    /// One model of each signature: models with one signature have one launch digest.
    package static var families: [ProcessorModel] { signatures.compactMap { try? ProcessorModel($0.prefix) } }

    /// All known models.
    package static var all: [ProcessorModel] { names.compactMap { try? ProcessorModel($0) } }

    private static var names: [String] {
        signatures.flatMap { family in
            [family.prefix] + (versions[family.prefix].map { $0.map { "\(family.prefix)-v\($0)" } } ?? [])
        } + ["EPYC-IBPB"]
    }

    /// - Throws: ``ImageError`` (invalidArgument) for a model whose signature is unknown.
    package init(_ name: String) throws(ImageError) {
        let family = name == "EPYC-IBPB" ? "EPYC" : String(name.prefix { $0 != "-" }) + Self.middle(name)
        guard Self.names.contains(name), let known = Self.signatures.first(where: { $0.prefix == family }) else {
            throw ImageError(
                .invalidArgument, "the processor model '\(name)' is not known",
                remedy: "use one of " + Self.names.joined(separator: ", "))
        }
        self.name = name
        self.signature = known.signature
    }

    /// `-Milan` of `EPYC-Milan-v2`; nothing of `EPYC-v4`.
    private static func middle(_ name: String) -> String {
        let parts = name.split(separator: "-")
        guard parts.count > 1, parts[1].first?.isUppercase == true else { return "" }
        return "-\(parts[1])"
    }
}
