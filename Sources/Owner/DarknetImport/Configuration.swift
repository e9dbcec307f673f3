// SPDX-License-Identifier: Apache-2.0
/// The text of a `.cfg` file: sections of options, in order.
struct Configuration {
    /// Limits of a file's bytes and sections: far above any published network.
    static let maximumBytes = 4 << 20
    static let maximumSections = 1 << 14

    let sections: [Section]

    /// Parses lines as Darknet does: white space is ignored, `#` and `;` begin comments, and if an option is given
    /// twice in a section the first counts.
    ///
    /// - Throws: ``DarknetImportError`` with the number of the line.
    init(_ bytes: RawSpan) throws(DarknetImportError) {
        guard bytes.byteCount <= Self.maximumBytes else {
            throw DarknetImportError(
                .malformedConfiguration,
                "the configuration has \(bytes.byteCount) bytes, the limit is \(Self.maximumBytes)")
        }
        let text = bytes.withUnsafeBytes { String(validating: $0, as: UTF8.self) }
        guard let text else { throw DarknetImportError(.malformedConfiguration, "the configuration is not UTF-8") }
        var sections: [Section] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let content = line.prefix { $0 != "#" && $0 != ";" && $0 != "\0" }.filter { !$0.isWhitespace }
            guard !content.isEmpty else { continue }
            if content.hasPrefix("["), content.hasSuffix("]") {
                guard sections.count < Self.maximumSections else {
                    throw DarknetImportError(
                        .malformedConfiguration, "line \(index + 1): over the limit of \(Self.maximumSections) sections"
                    )
                }
                // Layers count from 0, after the section of the network itself.
                sections.append(Section(kind: String(content.dropFirst().dropLast()), layer: sections.count - 1))
                continue
            }
            guard let equals = content.firstIndex(of: "="), !sections.isEmpty else {
                throw DarknetImportError(
                    .malformedConfiguration,
                    "line \(index + 1) is '\(content.prefix(40))', expected a [section] or option=value")
            }
            sections[sections.count - 1].add(
                String(content[..<equals]), String(content[content.index(after: equals)...]))
        }
        self.sections = sections
    }
}
