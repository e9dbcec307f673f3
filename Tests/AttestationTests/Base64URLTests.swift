// SPDX-License-Identifier: Apache-2.0
import Attestation
import Testing

@Suite("Base64 for URLs")
struct Base64URLTests {
    @Test(
        "Text in the alphabet of RFC 4648, section 5, is decoded with and without padding",
        arguments: [
            ([], "", ""), ([0x66], "Zg==", "Zg"), ([0x66, 0x6F], "Zm8=", "Zm8"), ([0x66, 0x6F, 0x6F], "Zm9v", "Zm9v"),
            ([0xFB, 0xFF, 0xBE], "-_--", "-_--"), ([0xFB, 0xFF], "-_8=", "-_8"),
        ] as [([UInt8], String, String)])
    func encoding(bytes: [UInt8], padded: String, unpadded: String) {
        #expect(Base64URL.text(bytes, isPadded: true) == padded)
        #expect(Base64URL.text(bytes, isPadded: false) == unpadded)
        #expect(Base64URL.bytes(padded) == bytes)
        #expect(Base64URL.bytes(unpadded) == bytes)
    }

    @Test(
        "Text that is not base64 decodes to nil",
        arguments: ["A", "AAAAA", "Zg===", "Z=g=", "=Zg", "Zg==Zg", "Z g", "Zg\n", "Zö", "Z*"])
    func faults(text: String) { #expect(Base64URL.bytes(text) == nil) }

    @Test("The standard base64 alphabet is decoded too, but never written")
    func usualAlphabet() {
        #expect(Base64URL.bytes("+/8=") == [0xFB, 0xFF])
        #expect(Base64URL.text([0xFB, 0xFF], isPadded: true) != "+/8=")
    }
}
