// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite("Key files and bundles that the commands write")
struct BundleTests {
    @Test("Secret files have mode 0600, and the bundle's unencrypted files contain no class name or key")
    func modes() throws {
        let folder = try TemporaryFolder()
        let labels = try folder.write(
            (0..<10).map { "very-particular-class-\($0)" }.joined(separator: "\n"), to: "labels.txt")
        let deployment = try Deployment(labels: labels, in: folder)
        for secret in [deployment.modelKey, deployment.ownerKey, deployment.token] {
            #expect(try mode(of: secret) == 0o600)
        }
        let key = try bytes(of: deployment.modelKey)
        let scan = MemoryScan([
            .init("name", Array("very-particular-class".utf8)),
            .init("key", Array(try #require(key.split(separator: UInt8(ascii: ":")).last?.dropLast()))),
        ])
        let names = try FileManager.default.contentsOfDirectory(atPath: deployment.bundle).sorted()
        #expect(
            names == [
                "backnet.graph", "backnet.onnx", "frontnet.sealed", "manifest.core", "manifest.json",
                "manifest.sig", "mapping.sealed",
            ])
        for name in names { #expect(scan.found(in: try bytes(of: "\(deployment.bundle)/\(name)")).isEmpty, "\(name)") }
        // The BackNet is an ONNX model that stands alone.
        let inspected = try succeed(["inspect", deployment.bundle + "/backnet.onnx", "--json"], in: folder)
        let inputs = (inspected.json as? [String: Any])?["inputs"] as? [[String: Any]]
        #expect(inputs?.compactMap { $0["name"] as? String } == ["stage2.pool"])
    }

    @Test("partition without an owner key creates one, and the bundle has the expected files")
    func ownKey() throws {
        let folder = try TemporaryFolder()
        try succeed(
            [
                "partition", Demo.model, "--front", "prob", "--mapping", "prob", "--labels", Demo.labels, "--out",
                folder.file("b.infenclave"), "--key-out", folder.file("b.key"),
            ], in: folder)
        #expect(try mode(of: folder.file("b.key")) == 0o600)
        #expect(try mode(of: folder.file("b.key.owner")) == 0o600)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("b.infenclave")).sorted()
        #expect(names == ["frontnet.sealed", "manifest.core", "manifest.json", "manifest.sig", "mapping.sealed"])
        let manifest = try JSONSerialization.jsonObject(
            with: Data(try bytes(of: folder.file("b.infenclave/manifest.json"))))
        let assessment = (manifest as? [String: Any])?["assessment"] as? [String: Any]
        #expect(assessment?["status"] as? String == "none")
        // No cut was chosen.
        #expect((assessment?["headline"] as? String)?.hasPrefix("Everything runs inside the enclave") == true)
    }

    @Test("serve refuses a flipped byte in any file of the bundle, and a part of another bundle, and names the file")
    func damage() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        let other = try Deployment(name: "other", in: folder)
        let serve = [
            "serve", deployment.bundle, "--tee", "development", "--listen", "127.0.0.1:0", "--admin-listen", "none",
        ]
        for name in [
            "backnet.graph", "backnet.onnx", "frontnet.sealed", "manifest.core", "manifest.json",
            "manifest.sig", "mapping.sealed",
        ] {
            let file = "\(deployment.bundle)/\(name)"
            let whole = try bytes(of: file)
            var flipped = whole
            flipped[flipped.count / 2] ^= 0x10
            try Data(flipped).write(to: URL(filePath: file))
            // A changed core that still decodes is detected by its signature.
            try expectRefused(serve, naming: name == "manifest.core" ? "manifest" : name, json: false, in: folder)
            if name.hasSuffix(".sealed") {
                try Data(try bytes(of: "\(other.bundle)/\(name)")).write(to: URL(filePath: file))
                try expectRefused(serve, naming: name, json: false, in: folder)
            }
            try Data(whole).write(to: URL(filePath: file))
        }
        let server = try Server(provisioned: deployment)
        #expect(try deployment.classify(server.url, [Demo.clients[0].0])[0][0].name == "Stop")
    }
}
