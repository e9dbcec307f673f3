// SPDX-License-Identifier: Apache-2.0
import SealedChannel
import SecretMemory
import Testing

@Suite("Binary HTTP")
struct BinaryHTTPTests {
    private static let knownRequest = hex(
        """
        00034745 54056874 74707300 0a2f6865 6c6c6f2e 74787440 6c0a7573 65722d61 67656e74 34637572 6c2f372e 31362e33
        206c6962 6375726c 2f372e31 362e3320 4f70656e 53534c2f 302e392e 376c207a 6c69622f 312e322e 3304686f 73740f77
        77772e65 78616d70 6c652e63 6f6d0f61 63636570 742d6c61 6e677561 67650665 6e2c206d 690000
        """)
    private static let indeterminateRequest = hex(
        """
        02034745 54056874 74707300 0a2f6865 6c6c6f2e 7478740a 75736572 2d616765 6e743463 75726c2f 372e3136 2e33206c
        69626375 726c2f37 2e31362e 33204f70 656e5353 4c2f302e 392e376c 207a6c69 622f312e 322e3304 686f7374 0f777777
        2e657861 6d706c65 2e636f6d 0f616363 6570742d 6c616e67 75616765 06656e2c 206d6900 00000000 00000000 00000000
        """)
    private static let indeterminateResponse = hex(
        """
        03406607 72756e6e 696e670a 22736c65 65702031 35220040 67046c69 6e6b233c 2f737479 6c652e63 73733e3b 2072656c
        3d707265 6c6f6164 3b206173 3d737479 6c65046c 696e6b24 3c2f7363 72697074 2e6a733e 3b207265 6c3d7072 656c6f61
        643b2061 733d7363 72697074 0040c804 64617465 1d4d6f6e 2c203237 204a756c 20323030 39203132 3a32383a 35332047
        4d540673 65727665 72064170 61636865 0d6c6173 742d6d6f 64696669 65641d57 65642c20 3232204a 756c2032 30303920
        31393a31 353a3536 20474d54 04657461 67142233 34616133 38372d64 2d313536 38656230 30220d61 63636570 742d7261
        6e676573 05627974 65730e63 6f6e7465 6e742d6c 656e6774 68023531 04766172 790f4163 63657074 2d456e63 6f64696e
        670c636f 6e74656e 742d7479 70650a74 6578742f 706c6169 6e003348 656c6c6f 20576f72 6c642120 4d792063 6f6e7465
        6e742069 6e636c75 64657320 61207472 61696c69 6e672043 524c462e 0d0a0000
        """)
    private static let chunkedResponse = hex(
        """
        0140c800 1d546869 7320636f 6e74656e 7420636f 6e746169 6e732043 524c462e 0d0a0d07 74726169 6c657204 74657874
        """)

    private static func content(_ request: BinaryRequest, _ message: [UInt8]) -> [UInt8] {
        request.withContent(of: message.span.bytes) { span in span.withUnsafeBytes { [UInt8]($0) } }
    }

    private static func content(_ response: BinaryResponse, _ message: [UInt8]) -> [UInt8] {
        response.withContent(of: message.span.bytes) { span in span.withUnsafeBytes { [UInt8]($0) } }
    }

    private static func refuses(request bytes: [UInt8]) -> Bool {
        refusal { () throws(SealedChannelError) in _ = try BinaryRequest(decoding: bytes.span.bytes) } == .malformed
    }

    private static func refuses(response bytes: [UInt8]) -> Bool {
        refusal { () throws(SealedChannelError) in _ = try BinaryResponse(decoding: bytes.span.bytes) } == .malformed
    }

    @Test("The request of RFC 9292 section 5.1 decodes from both encodings, and encodes to the first")
    func publishedRequest() throws {
        let fields = [
            HTTPField(name: "user-agent", value: "curl/7.16.3 libcurl/7.16.3 OpenSSL/0.9.7l zlib/1.2.3"),
            HTTPField(name: "host", value: "www.example.com"), HTTPField(name: "accept-language", value: "en, mi"),
        ]
        for message in [Self.knownRequest, Self.indeterminateRequest] {
            let request = try BinaryRequest(decoding: message.span.bytes)
            #expect(
                [request.method, request.scheme, request.authority, request.path] == ["GET", "https", "", "/hello.txt"])
            #expect(request.fields == fields)
            #expect(Self.content(request, message).isEmpty)
        }
        let request = BinaryRequest(method: "GET", scheme: "https", authority: "", path: "/hello.txt", fields: fields)
        let encoded = request.encode(content: [UInt8]().span.bytes)
        #expect(array(encoded) == Self.knownRequest)
    }

    @Test("The responses of RFC 9292 section 5.2 decode")
    func publishedResponses() throws {
        let first = try BinaryResponse(decoding: Self.indeterminateResponse.span.bytes)
        #expect(first.status == 200)
        #expect(first.fields.count == 8)
        #expect(first.fields[3] == HTTPField(name: "etag", value: "\"34aa387-d-1568eb00\""))
        let text = "Hello World! My content includes a trailing CRLF.\r\n"
        #expect(Self.content(first, Self.indeterminateResponse) == Array(text.utf8))

        let second = try BinaryResponse(decoding: Self.chunkedResponse.span.bytes)
        #expect(second.status == 200 && second.fields.isEmpty)
        #expect(Self.content(second, Self.chunkedResponse) == Array("This content contains CRLF.\r\n".utf8))
    }

    @Test("Messages may be truncated where the remaining parts are empty, and nowhere else")
    func truncation() throws {
        let control = 23
        for short in truncations(Self.knownRequest) {
            #expect(
                Self.refuses(request: short)
                    == (short.count < Self.knownRequest.count - 2 && short.count != control))
        }
        for short in truncations(Self.indeterminateRequest) {
            #expect(
                Self.refuses(request: short)
                    == (short.count < Self.indeterminateRequest.count - 12 && short.count != control))
        }
        // As in RFC 9458, appendix A.
        #expect(!Self.refuses(request: hex("00034745540568747470730b6578616d706c652e636f6d012f")))
        for short in truncations(Self.chunkedResponse) {
            let complete = [3, 4, 34].contains(short.count)
            #expect(Self.refuses(response: short) == !complete)
        }
    }

    @Test("Padding consists of any number of zeros")
    func padding() {
        #expect(!Self.refuses(request: Self.knownRequest + [UInt8](repeating: 0, count: 999)))
        #expect(Self.refuses(request: Self.knownRequest + [0, 0, 1]))
    }

    @Test("Content in several chunks is joined")
    func chunks() throws {
        let message = hex("03 40c8 00 02 6162 01 63 00 00 0000")
        let response = try BinaryResponse(decoding: message.span.bytes)
        #expect(Self.content(response, message) == Array("abc".utf8))
    }

    @Test("Content with each length encoding survives", arguments: [0, 63, 64, 16_383, 16_384])
    func sizes(count: Int) throws {
        let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let head = BinaryRequest(method: "POST", scheme: "https", authority: "a", path: "/", fields: [])
        let encoded = head.encode(content: body.span.bytes)
        let message = array(encoded)
        #expect(Self.content(try BinaryRequest(decoding: message.span.bytes), message) == body)
    }

    @Test("Integers in longer encodings than necessary are accepted, as RFC 9292 requires")
    func longIntegers() throws {
        let message = hex("4001 800000c8 c000000000000000 4001 61 00")
        let response = try BinaryResponse(decoding: message.span.bytes)
        #expect(response.status == 200)
        #expect(Self.content(response, message) == [0x61])
    }

    @Test(
        "Messages that HTTP forbids are refused",
        arguments: [
            "01 40c8 04 01 41 01 62",  // upper case in a name
            "01 40c8 03 00 01 62",  // an empty name
            "01 40c8 0a 07 3a737461747573 01 62",  // a pseudo-field
            "01 40c8 04 01 61 01 0a",  // a line feed in a value
            "01 40c8 05 01 61 02 2062",  // a leading blank
            "01 40c8 05 01 61 02 6209",  // a trailing tab
            "01 40c8 02 01 61",  // a field section that ends in a field
            "01 40c8 05 01 61 01 62 00",  // a section that does not end with a field
            "01 40c8 ff ffffffffffffff", "01 40c8 00 ff ffffffffffffff",  // lengths past any message
            "01 4063", "01 4258", "01 00",  // statuses 99, 600, 0
            "00 40c8", "04 40c8", "",
            "03 40c8 01 61 01 62",  // an indeterminate section without its end
            "03 40c8 00 01 61",  // content without its end
        ])
    func forbidden(message: String) { #expect(Self.refuses(response: hex(message))) }

    @Test("Fields, informational responses and chunks are limited in number")
    func counted() {
        let fields = [UInt8](hex("03 40c8")) + (0..<65).flatMap { _ in hex("01 61 01 62") } + [0, 0, 0]
        #expect(Self.refuses(response: fields))
        let early = [1] + (0..<9).flatMap { _ in hex("4066 00") } + hex("40c8")
        #expect(Self.refuses(response: early))
        let chunks = hex("03 40c8 00") + (0..<1025).flatMap { _ in hex("01 61") } + [0, 0]
        #expect(Self.refuses(response: chunks))
    }

    @Test("A damaged message is decoded or refused, and never traps")
    func mutations() {
        var generator = SystemRandomNumberGenerator()
        for message in [Self.knownRequest, Self.indeterminateRequest, Self.indeterminateResponse, Self.chunkedResponse]
        {
            for position in message.indices {
                for value in [0, 1, 0x3F, 0x7F, 0xBF, 0xFF, UInt8.random(in: 0...255, using: &generator)] {
                    var altered = message
                    altered[position] = value
                    if let request = try? BinaryRequest(decoding: altered.span.bytes) {
                        #expect(Self.content(request, altered).count <= altered.count)
                    }
                    if let response = try? BinaryResponse(decoding: altered.span.bytes) {
                        #expect(Self.content(response, altered).count <= altered.count)
                    }
                }
            }
        }
    }
}
