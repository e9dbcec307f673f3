// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A `.weights` file by the rule that the shared collection states, so that the Darknet program's stored answers can be
/// compared without the files.
struct GeneratedWeights {
    private var values: [Float] = []
    private var index: UInt32 = 0

    /// - Parameters:
    ///   - configuration: The `.cfg`.
    ///   - shapes: Of every layer's output: channels, height, width.
    static func file(configuration: String, input: [Int], shapes: [[Int]], gain: Double) -> [UInt8] {
        var weights = GeneratedWeights()
        var before = input
        for (section, shape) in zip(sections(configuration).dropFirst(), shapes) {
            let number = { (name: String, fallback: Int) in section.options[name].flatMap { Int($0) } ?? fallback }
            let isNormalized = number("batch_normalize", 0) != 0
            switch section.kind {
            case "convolutional":
                let (filters, size) = (number("filters", 1), number("size", 1))
                let fanIn = before[0] / number("groups", 1) * size * size
                weights.add(filters) { 0.1 * $0 }
                if isNormalized { weights.addStatistics(filters) }
                weights.add(filters * fanIn) { $0 * (gain / Double(fanIn)).squareRoot() }
            case "connected":
                let (outputs, inputs) = (number("output", 1), before.reduce(1, *))
                weights.add(outputs) { 0.1 * $0 }
                weights.add(outputs * inputs) { $0 * (gain / Double(inputs)).squareRoot() }
                if isNormalized { weights.addStatistics(outputs) }
            default: break
            }
            before = shape
        }
        var bytes: [UInt8] = []
        for word: UInt32 in [0, 2, 0, 0, 0] { withUnsafeBytes(of: word.littleEndian) { bytes += $0 } }
        weights.values.withUnsafeBytes { bytes += $0 }
        return bytes
    }

    private mutating func addStatistics(_ count: Int) {
        add(count) { 1 + 0.25 * $0 }
        add(count) { 0.1 * $0 }
        add(count) { 1 + 0.5 * $0 }
    }

    private mutating func add(_ count: Int, _ body: (Double) -> Double) {
        values.reserveCapacity(values.count + count)
        for _ in 0..<count {
            var x = index
            x ^= x >> 16
            x = x &* 0x7feb_352d
            x ^= x >> 15
            x = x &* 0x846c_a68b
            x ^= x >> 16
            values.append(Float(body(Double(x >> 8) / 8_388_608 - 1)))
            index &+= 1
        }
    }

    private static func sections(_ text: String) -> [(kind: String, options: [String: String])] {
        var sections: [(kind: String, options: [String: String])] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.filter { !$0.isWhitespace }
            if line.hasPrefix("[") {
                sections.append((String(line.dropFirst().dropLast()), [:]))
            } else if let equals = line.firstIndex(of: "="), !line.hasPrefix("#") {
                sections[sections.count - 1].options[String(line[..<equals])] = String(
                    line[line.index(after: equals)...])
            }
        }
        return sections
    }
}
