// SPDX-License-Identifier: Apache-2.0
import Glibc
import StrictJSON

/// The `data` of a tensor in JSON: flat or nested, in row-major order. The text has already been checked to be JSON.
struct JSONElements {
    private let text: [UInt8]
    private let name: String
    private var position = 0

    init(_ data: JSONText, of name: String) {
        // The C library's number parser needs a byte after the text that cannot be part of a number.
        text = data.bytes + [0]
        self.name = name
    }

    /// Calls `body` with the position of each element's first byte; `body` returns the position after the element.
    ///
    /// - Parameter maximumCount: A longer list is refused before more of it is read.
    private mutating func forEach(
        maximumCount: Int, _ body: (Int) throws(OpenInferenceError) -> Int
    ) throws(OpenInferenceError) {
        guard text[0] == UInt8(ascii: "[") else { throw .invalid("input '\(name)': data is no list") }
        var depth = 0
        var count = 0
        while position < text.count - 1 {
            switch text[position] {
            case UInt8(ascii: "["):
                depth += 1
                guard depth <= InferenceRequest.maximumRank else {
                    throw .invalid("input '\(name)': data is nested deeper than \(InferenceRequest.maximumRank)")
                }
                position += 1
            case UInt8(ascii: "]"):
                depth -= 1
                position += 1
            case UInt8(ascii: ","), 0x20, 0x09, 0x0A, 0x0D: position += 1
            default:
                count += 1
                guard count <= maximumCount else {
                    throw .invalid("input '\(name)': data has more than the \(maximumCount) elements of its shape")
                }
                position = try body(position)
            }
        }
    }

    /// Little-endian elements of FP32 or UINT8.
    mutating func elements(_ datatype: Datatype, count: Int) throws(OpenInferenceError) -> [UInt8] {
        var bytes: [UInt8] = []
        let (text, name) = (text, name)
        try text.withUnsafeBufferPointer { (buffer) throws(OpenInferenceError) in
            try forEach(maximumCount: count) { (start) throws(OpenInferenceError) in
                let first = buffer[start]
                guard first == UInt8(ascii: "-") || (0x30...0x39).contains(first) else {
                    throw .invalid("input '\(name)': an element of \(datatype.rawValue) is no number")
                }
                let (value, end) = Self.number(buffer, start)
                switch datatype {
                case .fp32:
                    let float = Float(value)
                    guard float.isFinite else { throw .invalid("input '\(name)': \(value) is no number of FP32") }
                    withUnsafeBytes(of: float.bitPattern.littleEndian) { bytes += $0 }
                case .uint8:
                    guard let byte = UInt8(exactly: value) else {
                        throw .invalid("input '\(name)': \(value) is no number of UINT8, 0 to 255")
                    }
                    bytes.append(byte)
                default:
                    throw OpenInferenceError(
                        .unimplemented, "input '\(name)': \(datatype.rawValue) is taken as binary data only")
                }
                return end
            }
        }
        return bytes
    }

    private static func number(_ buffer: UnsafeBufferPointer<UInt8>, _ start: Int) -> (value: Double, end: Int) {
        guard let base = buffer.baseAddress else { return (0, start) }
        return (base + start).withMemoryRebound(to: CChar.self, capacity: buffer.count - start) { text in
            var end: UnsafeMutablePointer<CChar>?
            let value = strtod(text, &end)
            return (value, start + max(1, end.map { UnsafePointer($0) - text } ?? 1))
        }
    }
}
