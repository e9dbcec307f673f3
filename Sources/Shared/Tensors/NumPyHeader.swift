// SPDX-License-Identifier: Apache-2.0
/// The Python dictionary that describes the elements of an `.npy` file.
struct NumPyHeader {
    /// How the elements are stored.
    enum Storage {
        case plain
        /// Floats of another width, which are converted to float32.
        case float16
        case float64
    }

    let type: TensorType
    let storage: Storage

    init(type: TensorType) { (self.type, storage) = (type, .plain) }

    /// Bytes of the elements in the file.
    var byteCount: Int {
        switch storage {
        case .plain: type.byteCount
        case .float16: type.shape.elementCount * 2
        case .float64: type.shape.elementCount * 8
        }
    }

    /// The form that Python's `repr` writes, without padding.
    var text: String {
        let extents = type.shape.dimensions.map(String.init)
        let shape = extents.count == 1 ? "(\(extents[0]),)" : "(\(extents.joined(separator: ", ")))"
        return "{'descr': '\(Self.descriptor(of: type.element))', 'fortran_order': False, 'shape': \(shape), }"
    }

    /// - Throws: ``TensorError`` for anything but a dictionary of exactly `descr`, `fortran_order` and `shape`.
    init(parsing bytes: [UInt8]) throws(TensorError) {
        var literal = PythonLiteral(bytes)
        var element: (ElementType, Storage)?
        var fortranOrder: Bool?
        var extents: [Int]?
        try literal.expect("{")
        while !literal.accept("}") {
            let key = try literal.string()
            try literal.expect(":")
            switch key {
            case "descr" where element == nil:
                element = try Self.element(descriptor: try literal.string())
            case "fortran_order" where fortranOrder == nil:
                fortranOrder = try literal.boolean()
            case "shape" where extents == nil:
                extents = try literal.tuple(maximumCount: Shape.maximumRank)
            default:
                throw TensorError(
                    .malformed,
                    ".npy header: member '\(key)' is unknown or repeated, "
                        + "expected descr, fortran_order and shape once each")
            }
            if !literal.accept(",") {
                try literal.expect("}")
                break
            }
        }
        try literal.finish()
        guard let element, let fortranOrder, let extents else {
            throw TensorError(.malformed, ".npy header lacks descr, fortran_order or shape")
        }
        guard !fortranOrder else {
            throw TensorError(
                .malformed, ".npy is in Fortran order; save numpy.ascontiguousarray(x) instead")
        }
        type = TensorType(element.0, try Shape(extents))
        storage = element.1
    }

    private static func descriptor(of element: ElementType) -> String {
        switch element {
        case .float32: "<f4"
        case .uint8: "|u1"
        case .int8: "|i1"
        case .int32: "<i4"
        case .int64: "<i8"
        case .boolean: "|b1"
        }
    }

    private static func element(descriptor: String) throws(TensorError) -> (ElementType, Storage) {
        if descriptor == "<f2" { return (.float32, .float16) }
        if descriptor == "<f8" { return (.float32, .float64) }
        guard let element = ElementType.allCases.first(where: { self.descriptor(of: $0) == descriptor }) else {
            let known = ElementType.allCases.map(self.descriptor(of:)).joined(separator: ", ")
            throw TensorError(
                .malformed, ".npy holds '\(descriptor)', expected one of \(known); save x.astype(numpy.float32) instead"
            )
        }
        return (element, .plain)
    }
}

/// The few Python literals of an `.npy` header, separated by blanks.
private struct PythonLiteral {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    private mutating func skipBlanks() {
        rest = rest.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
    }

    private func malformed(_ expected: String) -> TensorError {
        TensorError(.malformed, ".npy header: expected \(expected) at byte \(rest.startIndex)")
    }

    mutating func accept(_ character: Unicode.Scalar) -> Bool {
        skipBlanks()
        guard let first = rest.first, UInt32(first) == character.value else { return false }
        rest.removeFirst()
        return true
    }

    mutating func expect(_ character: Unicode.Scalar) throws(TensorError) {
        guard accept(character) else { throw malformed("'\(character)'") }
    }

    mutating func string() throws(TensorError) -> String {
        let quote: Unicode.Scalar = accept("'") ? "'" : "\""
        if quote == "\"" { try expect(quote) }
        guard let end = rest.firstIndex(where: { UInt32($0) == quote.value }) else { throw malformed("an end quote") }
        let text = rest[..<end]
        // Names and descriptors are printable ASCII without escapes.
        guard text.allSatisfy({ (0x20..<0x7F).contains($0) && $0 != 0x5C }) else { throw malformed("plain text") }
        rest = rest[(end + 1)...]
        return String(decoding: text, as: UTF8.self)
    }

    mutating func boolean() throws(TensorError) -> Bool {
        skipBlanks()
        for (word, value) in [("True", true), ("False", false)] where rest.starts(with: word.utf8) {
            rest = rest.dropFirst(word.utf8.count)
            return value
        }
        throw malformed("True or False")
    }

    mutating func tuple(maximumCount: Int) throws(TensorError) -> [Int] {
        var values: [Int] = []
        try expect("(")
        while !accept(")") {
            guard values.count < maximumCount else { throw malformed("at most \(maximumCount) extents") }
            values.append(try number())
            if !accept(",") {
                // One number in parentheses is not a tuple.
                guard values.count > 1 else { throw malformed("','") }
                try expect(")")
                break
            }
        }
        return values
    }

    private mutating func number() throws(TensorError) -> Int {
        skipBlanks()
        let digits = rest.prefix { (0x30...0x39).contains($0) }
        guard let value = Int(String(decoding: digits, as: UTF8.self)) else { throw malformed("an extent") }
        rest = rest.dropFirst(digits.count)
        return value
    }

    mutating func finish() throws(TensorError) {
        skipBlanks()
        guard rest.isEmpty else { throw malformed("the end") }
    }
}
