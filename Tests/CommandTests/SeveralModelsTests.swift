// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import TestSupport
import Testing

@Suite("Several bundles in one server", .serialized)
struct SeveralModelsTests {
    @Test(
        "Each model has its own path, enclave, provisioning and state, and the end of one enclave does not affect the others"
    )
    func apart() throws {
        let folder = try TemporaryFolder()
        let first = try Deployment(name: "first", in: folder)
        let second = try Deployment(cuts: Demo.everythingInside, name: "second", in: folder)
        let server = try Server(first, beside: [second])
        #expect(server.program.children.count == 2)
        let urls = (first: server.url + "/models/first", second: server.url + "/models/second/")
        try succeed(first.provisionArguments(urls.first), in: folder)
        #expect(try server.state(of: "first") == "ready" && server.state(of: "second") == "unprovisioned")
        #expect(try server.get("/models/first/health/ready").status == 200)
        // All together are ready when each is.
        #expect(try server.get("/health/ready").status == 503)
        let reason = try server.getAsOperator("/health/ready").json?["reason"] as? String
        #expect(reason?.hasPrefix("second: ") == true)
        try succeed(second.provisionArguments(urls.second), in: folder)
        #expect(try server.get("/health/ready").status == 200)
        #expect(try first.classify(urls.first, [Demo.clients[0].0])[0][0].name == "Stop")
        #expect(try second.classify(urls.second, [Demo.clients[0].0])[0][0].name == "Stop")

        // A request for one is none for the other: the policy pins the bundle.
        let mistaken = try infenclave(first.classifyArguments(urls.second, [Demo.clients[0].0]), in: folder)
        #expect(mistaken.status == 1 && mistaken.code == "attestationRejected", "\(mistaken.output)")
        // Paths without the name of a served model do not exist.
        for path in [
            "/ohttp-keys", "/models/third/ohttp-keys", "/models//ohttp-keys", "/models/first", "/models/first/x",
        ] {
            #expect(try server.get(path).status == 404, "\(path)")
        }
        let text = String(decoding: try server.getAsOperator("/metrics").body, as: UTF8.self)
        for model in ["first", "second"] { #expect(text.contains("infenclave_answers_total{model=\"\(model)\"} 1\n")) }

        let enclaves = server.program.children.sorted()
        kill(enclaves[1], SIGKILL)
        try server.program.wait(until: "new enclave") {
            try server.program.children.sorted() != enclaves && server.program.children.count == 2
                && server.state(of: "second") == "unprovisioned"
        }
        #expect(try first.classify(urls.first, [Demo.clients[1].0])[0][0].name == Demo.clients[1].1)
        #expect(try server.stop().status == 0)
    }

    @Test("Two bundles with the same name are refused, and the message names both")
    func sameName() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        try expectRefused(
            [
                "serve", deployment.bundle, deployment.bundle, "--tee", "development", "--listen", "127.0.0.1:0",
                "--admin-listen", "none",
            ], naming: "different names", json: false, in: folder)
    }
}
