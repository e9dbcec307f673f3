// SPDX-License-Identifier: Apache-2.0
import Foundation
import InfenclaveImaging
import InferenceProxy
import Testing

@Suite("The proxy's REST interface")
struct RESTTests {
    /// One picture of 2x3 pixels, all of this value.
    private func pixels(_ value: Int, count: Int = 1, outputs: String = "") -> String {
        let data = Array(repeating: "\(value)", count: 18 * count).joined(separator: ",")
        return
            #"{"inputs":[{"name":"pixels.0","shape":[\#(count),2,3,3],"datatype":"UINT8","data":[\#(data)]}]\#(outputs)}"#
    }

    private func outputs(_ answer: RunningProxy.Answer) throws -> [String: [String: Any]] {
        let list = try #require(answer.json?["outputs"] as? [[String: Any]], "\(answer.error)")
        return Dictionary(uniqueKeysWithValues: list.map { ($0["name"] as? String ?? "", $0) })
    }

    @Test("Health, server and models are described as clients of KServe and Triton expect")
    func metadata() async throws {
        try await RunningProxy.with(FakeBackend()) { proxy in
            let live = try await proxy.send("GET", "/v2/health/live")
            #expect(live.status == 200 && live.json?["live"] as? Bool == true)
            let ready = try await proxy.send("GET", "/v2/health/ready")
            #expect(ready.status == 200 && ready.json?["ready"] as? Bool == true)
            let server = try await proxy.send("GET", "/v2")
            #expect(server.json?["extensions"] as? [String] == ["binary_tensor_data", "classification"])
            for path in ["/v2/models/toy", "/v2/models/toy/versions/1"] {
                let model = try await proxy.send("GET", path)
                let input = try #require((model.json?["inputs"] as? [[String: Any]])?.first)
                #expect(input["name"] as? String == "pixels.0" && input["datatype"] as? String == "UINT8")
                #expect(input["shape"] as? [Int] == [-1, 2, 3, 3])
                let names = (model.json?["outputs"] as? [[String: Any]])?.map { $0["name"] as? String ?? "" }
                #expect(names == ["INDICES", "PROBABILITIES", "LABELS", "SCORES"])
            }
            let picture = try await proxy.send("GET", "/v2/models/toy_image")
            #expect((picture.json?["inputs"] as? [[String: Any]])?.first?["datatype"] as? String == "BYTES")
            let modelReady = try await proxy.send("GET", "/v2/models/toy_image/ready")
            #expect(modelReady.json?["name"] as? String == "toy_image" && modelReady.json?["ready"] as? Bool == true)
        }
    }

    @Test("If the owner allows floats, the tensor is FP32 with channels first")
    func floats() async throws {
        try await RunningProxy.with(FakeBackend(topK: 2, acceptsFloats: true)) { proxy in
            let model = try await proxy.send("GET", "/v2/models/toy")
            let input = try #require((model.json?["inputs"] as? [[String: Any]])?.first)
            #expect(input["datatype"] as? String == "FP32" && input["shape"] as? [Int] == [-1, 3, 2, 3])
            let data = Array(repeating: "0.25", count: 18).joined(separator: ",")
            let answer = try await proxy.infer(
                "toy",
                #"{"inputs":[{"name":"pixels.0","shape":[1,3,2,3],"datatype":"FP32","data":[\#(data)]}]}"#)
            let found = try outputs(answer)
            #expect(found["PROBABILITIES"]?["data"] as? [Double] == [0.25, 0.375])
            #expect(found["SCORES"] == nil)
            let scores = try await proxy.infer("toy", pixels(1, outputs: #","outputs":[{"name":"SCORES"}]"#))
            #expect(scores.status == 400 && scores.error.contains("lists 2 of 4"))
        }
    }

    @Test("A batch is answered row by row, with all outputs or the named ones")
    func batch() async throws {
        let backend = FakeBackend()
        try await RunningProxy.with(backend) { proxy in
            let answer = try await proxy.infer("toy", pixels(64, count: 7))
            #expect(answer.headers["content-type"] == "application/json")
            let found = try outputs(answer)
            #expect(found["INDICES"]?["shape"] as? [Int] == [7, 4])
            #expect(found["INDICES"]?["data"] as? [Int] == (0..<7).flatMap { _ in [3, 0, 2, 1] })
            #expect((found["LABELS"]?["data"] as? [String])?[1] == "cat, \"tabby\"")
            let scores = try #require(found["SCORES"]?["data"] as? [Double])
            #expect(scores[0..<4] == [0.375, 0.1875, 0.1875, 0.25])
            #expect(backend.inputs.count == 7)
            let named = try outputs(
                try await proxy.infer("toy", pixels(64, outputs: #","outputs":[{"name":"LABELS"}]"#)))
            #expect(Set(named.keys) == ["LABELS"])
        }
    }

    @Test("Classification outputs have value, index and label in Triton's format")
    func classification() async throws {
        try await RunningProxy.with(FakeBackend()) { proxy in
            let wanted = #","outputs":[{"name":"PROBABILITIES","parameters":{"classification":2}}]"#
            let found = try outputs(try await proxy.infer("toy", pixels(64, outputs: wanted)))
            #expect(found["PROBABILITIES"]?["datatype"] as? String == "BYTES")
            #expect(found["PROBABILITIES"]?["shape"] as? [Int] == [1, 2])
            #expect(found["PROBABILITIES"]?["data"] as? [String] == ["0.25:3:frog", "0.375:0:cat, \"tabby\""])
            for wrong in [
                #","outputs":[{"name":"LABELS","parameters":{"classification":2}}]"#,
                #","outputs":[{"name":"PROBABILITIES","parameters":{"classification":0}}]"#,
            ] { #expect(try await proxy.infer("toy", pixels(64, outputs: wrong)).status == 400) }
        }
    }

    @Test("Pictures are accepted as a raw body, binary data or base64 in JSON, and compressed bodies are inflated")
    func pictures() async throws {
        let backend = FakeBackend()
        let image = try Image(width: 5, height: 4, channels: 3, pixels: [UInt8](repeating: 128, count: 60))
        let png = try image.pngBytes()
        try await RunningProxy.with(backend) { proxy in
            let path = "/v2/models/toy_image/infer"
            let raw = try await proxy.send("POST", path, png, headers: ["Content-Type": "image/png"])
            #expect(try outputs(raw)["PROBABILITIES"]?["data"] as? [Double] == [0.5, 0.25, 0.125, 0.125])
            let header = ["Inference-Header-Content-Length": "0", "Content-Type": "application/octet-stream"]
            #expect(try await proxy.send("POST", path, png, headers: header).status == 200)
            let text = Data(png).base64EncodedString()
            let json = #"{"inputs":[{"name":"image","shape":[2],"datatype":"BYTES","data":["\#(text)","\#(text)"]}]}"#
            #expect(try await proxy.infer("toy_image", json).status == 200)
            #expect(backend.inputs.count == 4)
            // Python's gzip.compress(b'{"inputs":[]}', mtime=0).
            let gzip: [UInt8] = [
                31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 202, 204, 43, 40, 45, 41, 86, 178, 138, 142, 173, 5, 0, 162,
                0,
                169, 166, 13, 0, 0, 0,
            ]
            let inflated = try await proxy.send("POST", path, gzip, headers: ["Content-Encoding": "gzip"])
            #expect(inflated.status == 400 && inflated.error.contains("no inputs"), "\(inflated.error)")
            let damaged = try await proxy.send(
                "POST", path, Array(gzip.dropLast(9)), headers: ["Content-Encoding": "gzip"])
            #expect(damaged.status == 400 && damaged.error.contains("damaged"))
            let other = try await proxy.send("POST", path, png, headers: ["Content-Encoding": "br"])
            #expect(other.status == 400 && other.error.contains("'br'"))
            for broken in [Array(png.dropLast(40)), [], [1, 2, 3]] {
                let answer = try await proxy.send("POST", path, broken, headers: ["Content-Type": "image/png"])
                #expect(answer.status == 400, "\(answer.error)")
            }
        }
    }

    @Test("An unacceptable input is a 400 that names the acceptable one; unknown paths, models and methods differ")
    func refusals() async throws {
        try await RunningProxy.with(FakeBackend()) { proxy in
            func error(_ json: String) async throws -> String {
                let answer = try await proxy.infer("toy", json)
                #expect(answer.status == 400)
                return answer.error
            }
            #expect(try await error(pixels(1).replacing("pixels.0", with: "x")).contains("takes one input, 'pixels.0'"))
            #expect(try await error(pixels(1).replacing("[1,2,3,3]", with: "[1,3,2,3]")).contains("[N, 2, 3, 3]"))
            #expect(try await error(pixels(1).replacing("[1,2,3,3]", with: "[2,3,3]")).contains("[N, 2, 3, 3]"))
            #expect(
                try await error(
                    pixels(1).replacing("[1,2,3,3]", with: "[1,3,2,3]").replacing("UINT8", with: "FP32")
                ).contains("pixels only"))
            #expect(
                try await error(#"{"inputs":[{"name":"pixels.0","shape":[0,2,3,3],"datatype":"UINT8","data":[]}]}"#)
                    .contains("1 to 64"))
            #expect(try await error("{").contains("without a name"))
            let unknown = try await proxy.infer("none", pixels(1))
            #expect(unknown.status == 404 && unknown.error.contains("'toy' and 'toy_image'"))
            #expect(try await proxy.infer("toy/versions/2", pixels(1)).status == 404)
            #expect(try await proxy.send("GET", "/v3").status == 404)
            #expect(try await proxy.send("GET", "/v2/models/toy/infer").status == 405)
            #expect(try await proxy.send("POST", "/v2/health/live", []).status == 405)
        }
    }

    @Test("Answers state why no enclave serves, with a status that clients retry, and readiness agrees")
    func failures() async throws {
        let backend = FakeBackend()
        try await RunningProxy.with(backend) { proxy in
            let cases: [(ClientError, Int, String)] = [
                (ClientError(.unreachable, "http://s cannot be reached", remedy: "start it"), 503, "start it"),
                (ClientError(.attestationRejected, "wrong measurement"), 503, "not attested, and nothing was sent"),
                (ClientError(.refused, "the lease has ended", refusal: .leaseEnded), 503, "lease"),
                (ClientError(.refused, "used up", refusal: .overLimit), 429, "used up"),
                (ClientError(.unknownToken, "not listed"), 403, "not listed"),
                (ClientError(.invalidInput, "finite values"), 400, "finite"),
                (ClientError(.invalidResponse, "nonsense"), 500, "nonsense"),
            ]
            for (failure, status, words) in cases {
                backend.fail(with: failure)
                let answer = try await proxy.infer("toy", pixels(1))
                #expect(answer.status == status && answer.error.contains(words), "\(answer.status) \(answer.error)")
            }
            let ready = try await proxy.send("GET", "/v2/health/ready")
            #expect(ready.status == 503 && ready.json?["ready"] as? Bool == false && ready.error.contains("nonsense"))
            #expect(try await proxy.send("GET", "/v2/models/toy/ready").status == 503)
            #expect(try await proxy.send("GET", "/v2/health/live").status == 200)
            backend.fail(with: nil)
            #expect(try await proxy.infer("toy", pixels(1)).status == 200)
        }
    }

    @Test("The size of bodies and the number of concurrent requests are limited")
    func bounds() async throws {
        try await RunningProxy.with(FakeBackend(), budget: RequestBudget(maximumBytes: 1000)) { proxy in
            #expect(try await proxy.infer("toy", pixels(1)).status == 200)
            let many = try await proxy.infer("toy", pixels(1, count: 60))
            #expect(many.status == 503 && many.error.contains("try again"))
            // Three bytes may become seventeen million.
            for (coding, status) in [("gzip", 503), ("deflate", 503), ("identity", 400)] {
                let short = try await proxy.send(
                    "POST", "/v2/models/toy/infer", [31, 139, 8], headers: ["Content-Encoding": coding])
                #expect(short.status == status, "\(coding): \(short.error)")
            }
            #expect(try await proxy.infer("toy", pixels(1)).status == 200)
        }
    }

    @Test("Without an API key only loopback host names are answered; with a key, any host name")
    func access() async throws {
        let rule = AccessRule(key: nil)
        for host in ["127.0.0.1:8000", "localhost", "[::1]:80"] {
            try rule.check(authorization: nil, host: host, origin: nil)
            try rule.check(authorization: nil, host: host, origin: "http://\(host)")
        }
        for host in ["attacker.example:8000", "127.0.0.1.attacker.example", nil] {
            #expect(throws: (any Error).self) { try rule.check(authorization: nil, host: host, origin: nil) }
        }
        #expect(throws: (any Error).self) {
            try rule.check(authorization: nil, host: "127.0.0.1:8000", origin: "https://attacker.example")
        }
        let path = FileManager.default.temporaryDirectory.appending(path: "infenclave-key-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        func write(_ text: String, _ mode: Int) throws {
            try Data(text.utf8).write(to: URL(filePath: path))
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        }
        try write("0123456789abcdef\n", 0o644)
        #expect(throws: ProxyError.self) { try APIKey(contentsOf: path) }
        try write("short\n", 0o600)
        #expect(throws: ProxyError.self) { try APIKey(contentsOf: path) }
        try write("0123456789abcdef\n", 0o600)
        let key = try APIKey(contentsOf: path)
        try await RunningProxy.with(FakeBackend(), access: AccessRule(key: key)) { proxy in
            for wrong in ["", "Bearer 0123456789abcdeF", "Bearer 0123456789abcdef0", "0123456789abcdef"] {
                let answer = try await proxy.send("GET", "/v2", headers: ["Authorization": wrong])
                #expect(answer.status == 401 && answer.headers["www-authenticate"] == "Bearer", "\(wrong)")
            }
            let right = ["Authorization": "bearer 0123456789abcdef"]
            #expect(try await proxy.send("GET", "/v2", headers: right).status == 200)
        }
    }
}
