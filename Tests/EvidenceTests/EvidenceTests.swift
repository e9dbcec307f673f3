import Evidence
import Testing

@Suite("Evidence documents and transcripts")
struct EvidenceTests {
    @Test("The transcript has the layout of the protocol page")
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

    @Test("A document survives its JSON, and JSON that lacks a member or has another version does not become one")
    func document() throws {
        let document = try EvidenceDocument(
            tee: .tdx, nonce: Array(repeating: 1, count: 32), evidence: [1, 2, 3], collateral: ["tcb_info": [4]],
            keyConfiguration: [5], manifestCore: [8], manifest: Array("{}".utf8),
            manifestSignature: Array(repeating: 6, count: 64), facts: [9], epoch: Array(repeating: 7, count: 16))
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

    @Test("Hexadecimal text is read in both cases and nothing else is")
    func hex() {
        #expect([UInt8](hex: "00fFa0") == [0, 255, 160])
        #expect([UInt8]([0, 255, 160]).hex == "00ffa0")
        for text in ["0", "0g", "0x", " 00", "+1"] { #expect([UInt8](hex: text) == nil, "\(text)") }
    }
}
