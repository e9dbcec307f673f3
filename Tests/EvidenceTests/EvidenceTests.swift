// SPDX-License-Identifier: Apache-2.0
import BundleFormat
import Evidence
import StrictJSON
import Testing

@Suite("Evidence documents and transcripts")
struct EvidenceTests {
    @Test("The transcript has the layout on the protocol page")
    func transcript() throws {
        let transcript = try ReportTranscript(
            nonce: Array(repeating: 1, count: 16), keyConfiguration: [2, 3], facts: [7, 8, 9],
            manifestDigest: Array(repeating: 4, count: 32),
            ownerPublicKey: Array(repeating: 5, count: 32), epoch: Array(repeating: 6, count: 16))
        let expected =
            Array("infenclave report data v2\0".utf8) + [16, 0, 0, 0] + Array(repeating: 1, count: 16) + [
                2, 0, 0, 0, 2, 3, 3, 0, 0, 0, 7, 8, 9,
            ]
            + Array(repeating: 4, count: 32) + Array(repeating: 5, count: 32) + Array(repeating: 6, count: 16)
        #expect(transcript.encoded() == expected)
    }

    @Test("A nonce of another length than 16 to 64 bytes makes no transcript", arguments: [0, 15, 65])
    func nonceLength(_ count: Int) {
        #expect(throws: EvidenceError.self) {
            try ReportTranscript(
                nonce: Array(repeating: 1, count: count), keyConfiguration: [2], facts: [3],
                manifestDigest: Array(repeating: 4, count: 32), ownerPublicKey: Array(repeating: 5, count: 32),
                epoch: Array(repeating: 6, count: 16))
        }
    }

    @Test("A document survives encoding as JSON; JSON that lacks a member or has another version is refused")
    func document() throws {
        let document = try Self.sample()
        let json = try document.json()
        #expect(try EvidenceDocument(json: json) == document)
        let text = String(decoding: json, as: UTF8.self)
        #expect(text.contains(#""collateral":{"tcb_info":"BA=="}"#))
        for broken in [
            text.replacing(#""version":2"#, with: #""version":1"#),
            text.replacing(#""version":2"#, with: #""version":3"#), text.replacing(#""facts""#, with: #""fact""#),
            text.replacing(#""epoch""#, with: #""era""#),
            text.replacing(#""tdx""#, with: #""xdt""#), text.replacing("BA==", with: "B"), String(text.dropLast()), "",
        ] {
            #expect(broken != text)
            #expect(throws: EvidenceError.self, "\(broken)") { try EvidenceDocument(json: Array(broken.utf8)) }
        }
    }

    @Test("The error for a document of another version gives both versions and the remedy", arguments: [1, 3])
    func otherVersion(_ version: Int) throws {
        let text = String(decoding: try Self.sample().json(), as: UTF8.self)
            .replacing(#""version":2"#, with: #""version":\#(version)"#)
        let error = #expect(throws: EvidenceError.self) { try EvidenceDocument(json: Array(text.utf8)) }
        #expect(error?.code == .unsupported)
        #expect(
            error?.message
                == "the evidence document has version \(version), expected 2: use one version of infenclave on both sides"
        )
    }

    @Test(
        "A document with a duplicate member is refused by its name, at any depth and in any spelling",
        arguments: [
            (##""epoch":"##, ##""epoch":"00","epoch":"##), (##""epoch":"##, ##""ep\u006fch":"00","epoch":"##),
            (##"{"tcb_info":"##, ##"{"tcb_info":"AA==","tcb_info":"##),
            (##""version":"##, ##""other":[{"a":1},{"a":{"epoch":1,"epoch":2}}],"version":"##),
        ])
    func doubled(_ member: String, _ twice: String) throws {
        let text = String(decoding: try Self.sample().json(), as: UTF8.self)
        let doubled = text.replacing(member, with: twice)
        #expect(doubled != text)
        let error = #expect(throws: EvidenceError.self) { try EvidenceDocument(json: Array(doubled.utf8)) }
        #expect(error?.code == .malformed)
        #expect(error?.message.contains("twice in one object") == true)
    }

    @Test("Sibling objects may have members of the same name, and deep nesting uses no stack")
    func depth() throws {
        #expect(throws: Never.self) { try JSONText(Array(##"[{"a":1},{"a":{"a":[]}},{}]"##.utf8), name: "it") }
        let deep = [UInt8](repeating: UInt8(ascii: "["), count: 1 << 20)
        #expect(throws: JSONFault.self) { try JSONText(deep, name: "it") }
        let closed = deep + [UInt8](repeating: UInt8(ascii: "]"), count: 1 << 20)
        #expect(throws: Never.self) { try JSONText(closed, name: "it") }
    }

    @Test("A list over its limit is refused before the rest is read")
    func longList() throws {
        let text = Array("[1\(String(repeating: ",1", count: 1 << 18))]".utf8)
        let clock = ContinuousClock()
        let start = clock.now
        let list = try JSONText(text, name: "the list")
        let whole = start.duration(to: clock.now)
        // The shortest of several, as other work may come between.
        var shortest = Duration.seconds(60)
        for _ in 0..<5 {
            let start = clock.now
            let error = #expect(throws: JSONFault.self) { try list.array(atMost: 8) }
            shortest = min(shortest, start.duration(to: clock.now))
            #expect(error?.description == "the list has too many elements, the limit is 8")
        }
        #expect(shortest * 10 < whole, "\(shortest) of \(whole)")
        let short = try JSONText(Array("[1,2]".utf8), name: "the list")
        #expect(try short.array(atMost: 2).count == 2 && short.array().count == 2)
        #expect(throws: JSONFault.self) { try short.array(atMost: 1) }
        #expect(try JSONText(Array("[]".utf8), name: "the list").array(atMost: 0).isEmpty)
    }

    @Test("A manifest with a duplicate member is refused, even before its version is checked")
    func doubledManifest() {
        for json in [
            ##"{"formatVersion":2,"formatVersion":2}"##, ##"{"formatVersion":1,"cuts":{"front":"a","front":"b"}}"##,
        ] {
            let error = #expect(throws: BundleFormatError.self) { try BundleManifest(decoding: Array(json.utf8)) }
            #expect(error?.message.contains("twice in one object") == true, "\(json)")
        }
    }

    private static func sample() throws -> EvidenceDocument {
        try EvidenceDocument(
            tee: .tdx, nonce: Array(repeating: 1, count: 32), evidence: [1, 2, 3], collateral: ["tcb_info": [4]],
            keyConfiguration: [5], manifestCore: [8], manifest: Array("{}".utf8),
            manifestSignature: Array(repeating: 6, count: 64), facts: [9], epoch: Array(repeating: 7, count: 16))
    }

    @Test("Hexadecimal text is decoded in both cases, and anything else is refused")
    func hex() {
        #expect([UInt8](hex: "00fFa0") == [0, 255, 160])
        #expect([UInt8]([0, 255, 160]).hex == "00ffa0")
        for text in ["0", "0g", "0x", " 00", "+1"] { #expect([UInt8](hex: text) == nil, "\(text)") }
    }

    @Test("Strict hexadecimal text is lower-case and of the stated number of bytes")
    func strictHex() {
        #expect([UInt8](lowercaseHex: "00ffa0", count: 3) == [0, 255, 160])
        #expect([UInt8](lowercaseHex: "", count: 0) == [])
        for text in ["00fFa0", "00ff", "00ffa", "00ffa000", "00ffag", "0x00ff", "00ffa\u{661}"] {
            #expect([UInt8](lowercaseHex: text, count: 3) == nil, "\(text)")
        }
        #expect(Set<UInt8>([9]).hex == "09" && [UInt8](0...255).prefix(2).hex == "0001")
    }
}
