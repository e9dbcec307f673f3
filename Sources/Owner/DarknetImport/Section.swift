// SPDX-License-Identifier: Apache-2.0
/// A section of a configuration. Every option must be read: ignoring an unknown one would silently change the answers.
struct Section {
    /// The text in the brackets.
    let kind: String
    /// The number by which `route` and `shortcut` name the layer; -1 for the network itself.
    let layer: Int
    private var options: [String: String] = [:]

    init(kind: String, layer: Int) {
        self.kind = kind
        self.layer = layer
    }

    var place: String { layer < 0 ? "section [\(kind.prefix(40))]" : "section \(layer) [\(kind.prefix(40))]" }

    func failure(_ code: DarknetImportError.Code, _ message: String) -> DarknetImportError {
        DarknetImportError(code, "\(place): \(message)")
    }

    mutating func add(_ name: String, _ value: String) { if options[name] == nil { options[name] = value } }

    mutating func text(_ name: String) -> String? { options.removeValue(forKey: name) }

    /// An integer option in the range, or `nil` when it is not given.
    mutating func integer(_ name: String, in range: ClosedRange<Int>) throws(DarknetImportError) -> Int? {
        guard let text = text(name) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw failure(
                .malformedConfiguration,
                "\(name)=\(text.prefix(40)), expected an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// A count or extent: 1 to 2^20.
    mutating func extent(_ name: String, default fallback: Int) throws(DarknetImportError) -> Int {
        try integer(name, in: 1...1 << 20) ?? fallback
    }

    /// An integer option that is 0 for false.
    mutating func flag(_ name: String) throws(DarknetImportError) -> Bool {
        try integer(name, in: -1 << 31...1 << 31) ?? 0 != 0
    }

    mutating func float(_ name: String, default fallback: Float) throws(DarknetImportError) -> Float {
        guard let text = text(name) else { return fallback }
        guard let value = Float(text), value.isFinite else {
            throw failure(.malformedConfiguration, "\(name)=\(text.prefix(40)), expected a number")
        }
        return value
    }

    /// A comma-separated list of integers.
    mutating func integers(_ name: String) throws(DarknetImportError) -> [Int]? {
        guard let text = text(name) else { return nil }
        var values: [Int] = []
        for part in text.split(separator: ",") {
            guard let value = Int(part), abs(max(value, -Int.max)) <= Configuration.maximumSections else {
                throw failure(.malformedConfiguration, "\(name)=\(text.prefix(40)), expected numbers of layers")
            }
            values.append(value)
        }
        return values
    }

    /// Skips options that have no effect in inference.
    mutating func ignore(_ names: [String]) { for name in names { options[name] = nil } }

    mutating func ignoreAll() { options = [:] }

    /// - Throws: ``DarknetImportError`` when an option was not read.
    func finish() throws(DarknetImportError) {
        guard let name = options.keys.sorted().first else { return }
        throw failure(.unsupported, "option '\(name.prefix(40))' is not supported")
    }
}
