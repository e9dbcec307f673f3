// SPDX-License-Identifier: Apache-2.0
/// A file of AWS's enclave image format (EIF), version 4: what `nitro-cli run-enclave` starts. Integers are big-endian.
///
/// - Source: aws/aws-nitro-enclaves-image-format, README.
package struct EnclaveImageFormat: Sendable, Hashable {
    package enum Kind: UInt16, Sendable, Hashable {
        case kernel = 1
        case commandLine = 2
        case ramdisk = 3
        case signature = 4
        case metadata = 5
    }

    package struct Section: Sendable, Hashable {
        package let kind: Kind
        package let data: [UInt8]

        package init(_ kind: Kind, _ data: [UInt8]) {
            self.kind = kind
            self.data = data
        }
    }

    static let magic = Array(".eif".utf8)
    static let version: UInt16 = 4
    static let headerBytes = 548
    static let sectionHeaderBytes = 12
    static let maximumSections = 32
    static let maximumSignatureBytes = 32_768
    /// Offset of the checksum, the last field of the header.
    static let checksumOffset = 544

    /// Whether the image is for 64-bit Arm.
    package let isArm: Bool
    /// AWS's tools write this and the next field and read neither: the host decides how much an enclave gets.
    package let defaultMemory: UInt64
    package let defaultProcessors: UInt64
    /// In file order.
    package let sections: [Section]

    /// - Throws: ``ImageError`` unless there is exactly one kernel, one command line and one metadata section, and at
    ///   least one ramdisk.
    package init(
        isArm: Bool = false, defaultMemory: UInt64 = 1 << 30, defaultProcessors: UInt64 = 2, sections: [Section]
    ) throws(ImageError) {
        self.isArm = isArm
        self.defaultMemory = defaultMemory
        self.defaultProcessors = defaultProcessors
        self.sections = sections
        try check()
    }

    /// - Parameters:
    ///   - ramdisks: Archives that the kernel unpacks one after another.
    ///   - metadata: JSON. It is not measured.
    package init(
        kernel: [UInt8], commandLine: String, ramdisks: [[UInt8]], metadata: [UInt8]
    ) throws(ImageError) {
        try self.init(
            sections: [
                Section(.kernel, kernel), Section(.commandLine, Array(commandLine.utf8)), Section(.metadata, metadata),
            ] + ramdisks.map { Section(.ramdisk, $0) })
    }

    private func check() throws(ImageError) {
        func count(_ kind: Kind) -> Int { sections.count { $0.kind == kind } }
        guard sections.count <= Self.maximumSections else {
            throw ImageError(
                .malformed, "the image has \(sections.count) sections; expected at most \(Self.maximumSections)")
        }
        for (kind, name) in [(Kind.kernel, "kernel"), (.commandLine, "command line"), (.metadata, "metadata")] {
            guard count(kind) == 1 else {
                throw ImageError(.malformed, "the image has \(count(kind)) sections for the \(name); expected 1")
            }
        }
        guard count(.ramdisk) >= 1, count(.signature) <= 1 else {
            throw ImageError(.malformed, "the image has no ramdisk, or more than one signature")
        }
        let order = sections.map(\.kind)
        // They are measured in this order, whatever their order in the file.
        guard let kernel = order.firstIndex(of: .kernel), let line = order.firstIndex(of: .commandLine),
            let ramdisk = order.firstIndex(of: .ramdisk), kernel < line, line < ramdisk
        else {
            throw ImageError(
                .malformed, "the image's kernel, command line and ramdisks are not in this order",
                remedy: "make the image again with `infenclave image`")
        }
        guard self[.signature].first?.count ?? 0 <= Self.maximumSignatureBytes else {
            throw ImageError(.malformed, "the image's signature has more than \(Self.maximumSignatureBytes) bytes")
        }
        guard self[.commandLine].allSatisfy({ !$0.contains(0) }) else {
            throw ImageError(.malformed, "the image's command line has a NUL byte")
        }
    }

    /// The contents of all sections of a kind, in file order.
    package subscript(_ kind: Kind) -> [[UInt8]] { sections.filter { $0.kind == kind }.map(\.data) }

    package func encoded() -> [UInt8] {
        var bytes = Self.magic + .bigEndian(Self.version) + .bigEndian(UInt16(isArm ? 1 : 0))
        bytes += .bigEndian(defaultMemory) + .bigEndian(defaultProcessors) + [0, 0]
        bytes += .bigEndian(UInt16(sections.count))
        var offset = Self.headerBytes
        var offsets: [UInt64] = []
        for section in sections {
            offsets.append(UInt64(offset))
            offset += Self.sectionHeaderBytes + section.data.count
        }
        let unused = [UInt64](repeating: 0, count: Self.maximumSections - sections.count)
        for value in offsets + unused + sections.map({ UInt64($0.data.count) }) + unused { bytes += .bigEndian(value) }
        bytes += .zeros(8)
        bytes.reserveCapacity(offset)
        for section in sections {
            bytes += .bigEndian(section.kind.rawValue) + [0, 0] + .bigEndian(UInt64(section.data.count))
            bytes += section.data
        }
        bytes.put(.bigEndian(Self.checksum(bytes[...])), at: Self.checksumOffset)
        return bytes
    }

    /// CRC-32 over everything but the checksum itself.
    static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var checksum = CRC32()
        checksum.update(bytes[..<(bytes.startIndex + checksumOffset)])
        checksum.update(bytes[(bytes.startIndex + headerBytes)...])
        return checksum.value
    }
}
