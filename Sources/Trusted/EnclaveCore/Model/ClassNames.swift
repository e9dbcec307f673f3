// SPDX-License-Identifier: Apache-2.0
import SecretMemory

/// The class names in one block of secret memory.
struct ClassNames: ~Copyable, Sendable {
    private let bytes: SecretBytes
    private let ends: [Int]

    /// The longest name's bytes: public, because it is the width of every answer.
    let maximumBytes: Int

    init(_ names: [String]) {
        var ends: [Int] = []
        ends.reserveCapacity(names.count)
        for name in names { ends.append((ends.last ?? 0) + name.utf8.count) }
        bytes = SecretBytes(count: ends.last ?? 0) { target in
            var offset = 0
            for name in names {
                for byte in name.utf8 {
                    target[offset] = byte
                    offset += 1
                }
            }
        }
        maximumBytes = names.reduce(0) { max($0, $1.utf8.count) }
        self.ends = ends
    }

    /// Lends a name's UTF-8.
    func withName<Result, Failure: Error>(
        _ index: Int, _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(bytes.bytes.extracting((index == 0 ? 0 : ends[index - 1])..<ends[index]))
    }
}
