// SPDX-License-Identifier: Apache-2.0
import InferenceProxy
import Testing

@Suite("Addresses of the proxy")
struct AccessTests {
    @Test("Addresses are parsed, and loopback addresses are distinguished from others")
    func addresses() {
        #expect(ProxyAddress("127.0.0.1:8000")?.isLoopback == true)
        #expect(ProxyAddress("localhost:0")?.isLoopback == true)
        #expect(ProxyAddress("[::1]:80")?.description == "[::1]:80")
        for text in ["0.0.0.0:1", "[::]:1", "127.0.0.1.example.org:1", "10.0.0.1:1", "localhost.example.org:1"] {
            #expect(ProxyAddress(text)?.isLoopback == false, "\(text)")
        }
        for text in ["", ":1", "::1:1", "a", "a:", "a:65536", "a:-1"] { #expect(ProxyAddress(text) == nil, "\(text)") }
    }
}
