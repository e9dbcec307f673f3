// SPDX-License-Identifier: Apache-2.0
import EngineMessages
import Testing

@Suite("Engine addresses")
struct EngineAddressTests {
    @Test("An address gives the host, port, path prefix and model")
    func parts() throws {
        let plain = try EngineAddress("oip+http://triton:8000/resnet50.back")
        #expect((plain.host, plain.port, plain.prefix, plain.model) == ("triton", 8000, "", "resnet50.back"))
        let deep = try EngineAddress("oip+http://[fd00::1]:9000/a/b/model")
        #expect((deep.host, deep.port, deep.prefix, deep.model) == ("fd00::1", 9000, "/a/b", "model"))
        #expect(deep.transport == .http)
        #expect(deep.description == "oip+http://[fd00::1]:9000/a/b/model")
        let grpc = try EngineAddress("oip+grpc://triton:8001/model")
        #expect((grpc.transport, grpc.port, grpc.prefix, grpc.model) == (.grpc, 8001, "", "model"))
        #expect(try EngineAddress("oip+http://backnet/m").port == 80)
        #expect(try EngineAddress.list("oip+http://a/m,oip+http://b/m").map(\.host) == ["a", "b"])
    }

    @Test(
        "An invalid address is refused with the expected form",
        arguments: [
            "", "oip+http://", "oip+http://host", "oip+http://host/", "oip+http://host:0/m", "oip+http://host:70000/m",
            "oip+http://host:08/m", "http://host/m", "oip+http://user@host/m", "oip+http://host/m?x=1",
            "oip+http://host/../m", "oip+http://ho st/m", "oip+http://host\r\n/m", "oip+http://[::1/m",
            "oip+http://[::1]x/m", "oip+http://host/m/", "oip+http://host//m", "oip+https://host/m",
            "oip+grpcs://host/m", "oip+grpc://host", "oip+grpc://host/a/m",
        ])
    func refused(text: String) {
        let error = #expect(throws: EngineError.self) { try EngineAddress(text) }
        #expect(error?.code == .invalidAddress)
        #expect(error?.remedy.contains("oip+http://HOST:PORT/MODEL") == true)
    }

    @Test("A duplicate or empty replica is refused")
    func lists() {
        #expect(throws: EngineError.self) { try EngineAddress.list("oip+http://a/m,oip+http://a:80/m") }
        #expect(throws: EngineError.self) { try EngineAddress.list("oip+http://a/m,") }
        #expect(throws: EngineError.self) {
            try EngineAddress.list((0...64).map { "oip+http://h\($0)/m" }.joined(separator: ","))
        }
    }
}
