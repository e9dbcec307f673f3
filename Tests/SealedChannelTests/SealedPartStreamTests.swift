// SPDX-License-Identifier: Apache-2.0
import SealedChannel
import SecretMemory
import Tensors
import Testing

/// Parts that are sealed and opened run by run.
@Suite("Streamed sealing of parts")
struct SealedPartStreamTests {
    private let key = ModelKey.random()
    private let context = ContentDigest(of: [1, 2, 3])

    private func plaintext(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) } }

    /// The file made of runs of this size.
    private func sealed(_ plaintext: [UInt8], run: Int) throws -> [UInt8] {
        var file: [UInt8] = []
        var sealer = try SealedPartSealer(
            byteCount: plaintext.count, as: .frontNet, modelKey: key, context: context
        ) { file += $0 }
        var rest = plaintext[...]
        while !rest.isEmpty {
            try Array(rest.prefix(run)).span.withUnsafeBytes { (bytes) throws(SealedChannelError) in
                try sealer.seal(bytes) { file += $0 }
            }
            rest = rest.dropFirst(run)
        }
        try sealer.finish { file += $0 }
        #expect(file.count == sealer.sealedByteCount)
        return file
    }

    private func opener(_ file: [UInt8], key: ModelKey? = nil) throws -> SealedPartOpener {
        try SealedPartOpener(
            sealedByteCount: file.count, as: .frontNet, modelKey: key ?? self.key, context: context
        ) { Array(file[$0]) }
    }

    private func opened(_ file: [UInt8], run: Int) throws -> [UInt8] {
        let opener = try self.opener(file)
        var bytes: [UInt8] = []
        while bytes.count < opener.byteCount {
            var part = [UInt8](repeating: 0, count: min(run, opener.byteCount - bytes.count))
            var elements = part.mutableSpan
            try elements.withUnsafeMutableBytes { (target) throws(TensorError) in try opener.fill(target) }
            bytes += part
        }
        return bytes
    }

    @Test(
        "Writing in pieces of any size gives a file that opens at once, and a file opens in pieces of any size",
        arguments: [0, 1, 65_535, 65_536, 65_537, 200_000])
    func runs(_ count: Int) throws {
        let plaintext = plaintext(count)
        for run in [1000, 65_536, 70_000, 1 << 20] {
            let file = try sealed(plaintext, run: run)
            let whole = try SealedPart.open(file.span.bytes, as: .frontNet, modelKey: key, context: context)
            let isSame = whole.constantTimeEquals(plaintext.span.bytes)
            #expect(isSame, "\(count) in runs of \(run)")
            #expect(try opened(file, run: run) == plaintext, "\(count) in runs of \(run)")
            try opener(file).authenticate()
        }
    }

    @Test("More or fewer bytes than announced are refused")
    func wrongSize() throws {
        var sealer = try SealedPartSealer(byteCount: 10, as: .mapping, modelKey: key, context: context) { _ in }
        #expect(throws: SealedChannelError.self) { try sealer.finish { _ in } }
        let error = #expect(throws: SealedChannelError.self) {
            try plaintext(11).span.withUnsafeBytes { (bytes) throws(SealedChannelError) in
                try sealer.seal(bytes) { _ in }
            }
        }
        #expect(error?.code == .invalidValue)
        #expect(throws: SealedChannelError.self) {
            try SealedPartSealer(
                byteCount: SealedPart.maximumByteCount + 1, as: .mapping, modelKey: key, context: context
            ) { _ in }
        }
    }

    @Test("Another key, an altered chunk, a truncated file and another order of chunks do not open")
    func damaged() throws {
        let file = try sealed(plaintext(200_000), run: 1 << 20)
        #expect(throws: SealedChannelError.self) { try opener(file, key: .random()).authenticate() }
        #expect(throws: SealedChannelError.self) { try opener(file.dropLast()) }
        var altered = file
        altered[150_000] ^= 1
        #expect(throws: SealedChannelError.self) { try opener(altered).authenticate() }
        #expect(throws: TensorError.self) { try opened(altered, run: 1000) }
        // The first two chunks, exchanged.
        let chunk = 65_536 + 16
        let exchanged =
            file[..<88] + file[(88 + chunk)..<(88 + 2 * chunk)] + file[88..<(88 + chunk)] + file[(88 + 2 * chunk)...]
        #expect(throws: SealedChannelError.self) { try opener(Array(exchanged)).authenticate() }
        // Past the end nothing comes.
        let short = try opener(try sealed(plaintext(5), run: 5))
        var six = [UInt8](repeating: 0, count: 6)
        var elements = six.mutableSpan
        #expect(throws: TensorError.self) {
            try elements.withUnsafeMutableBytes { (target) throws(TensorError) in try short.fill(target) }
        }
    }
}
