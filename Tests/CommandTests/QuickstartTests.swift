// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import TestSupport
import Testing

@Suite("The quickstart command")
struct QuickstartTests {
    @Test("quickstart puts everything inside, serves, classifies, prints each command, and leaves no server behind")
    func once() throws {
        let folder = try TemporaryFolder()
        let out = folder.file("a trial")
        let arguments =
            ["quickstart", Demo.model, "--labels", Demo.labels, "--out", out, "--listen", "127.0.0.1:0", "--once"]
            + Demo.clients.flatMap { ["--picture", $0.0] }
        let outcome = try succeed(arguments, in: folder)
        for (_, name) in Demo.clients { #expect(outcome.output.contains("%  \(name)\n"), "\(name)") }
        #expect(outcome.output.contains("everything runs inside the enclave"))
        let commands = outcome.output.split(separator: "\n").filter { $0.hasPrefix("$ infenclave ") }
            .map { $0.split(separator: " ")[2] }
        #expect(commands == ["keygen", "keygen", "partition", "policy", "serve", "attest", "provision", "classify"])
        // A path with a space is quoted, so that the line can be typed.
        #expect(outcome.output.contains("'\(out)/owner.key'"))
        var status = stat()
        #expect(stat(out, &status) == 0 && status.st_mode & 0o777 == 0o700)
        let url = try #require(
            outcome.output.split(separator: "\n").first { $0.hasPrefix("serving at ") }?.split(separator: " ").last)
        let later = try infenclave(
            ["attest", "--server", String(url), "--policy", out + "/model-policy.json", "--tee", "development"],
            in: folder)
        #expect(later.status == 1)
        // Again in the same folder; a file of somebody else's is never removed.
        try succeed(arguments, in: folder)
        try folder.write("mine", to: "a trial/notes.txt")
        let refused = try infenclave(arguments, in: folder)
        #expect(refused.status == 1 && refused.errors.contains("notes.txt"))
        #expect(try bytes(of: out + "/notes.txt") == Array("mine".utf8))
    }

    @Test("quickstart serves until it is interrupted, and then ends its server")
    func stays() throws {
        let folder = try TemporaryFolder()
        let program = try Program(
            ["quickstart", Demo.model, "--labels", Demo.labels, "--out", folder.file("q"), "--listen", "127.0.0.1:0"],
            in: folder)
        try program.wait(until: "server") { program.output.contains("PICTURE") }
        let url = try #require(
            program.output.split(separator: "\n").first { $0.hasPrefix("serving at ") }?.split(separator: " ").last)
        let classify = [
            "classify", "--server", String(url), "--policy", folder.file("q/model-policy.json"), "--tee",
            "development", "--token", folder.file("q/client.token"), Demo.clients[0].0,
        ]
        #expect(try succeed(classify, in: folder).output.contains(Demo.clients[0].1))
        kill(program.identifier, SIGTERM)
        #expect(try program.wait().status == 0)
        #expect(try infenclave(classify, in: folder).status == 1)
    }

    @Test("quickstart reports errors in model, labels or picture before it writes anything")
    func refused() throws {
        let folder = try TemporaryFolder()
        let out = folder.file("q")
        let labels = try folder.write("one\ntwo\n", to: "labels.txt")
        let base = ["quickstart", Demo.model, "--out", out, "--listen", "127.0.0.1:0", "--once"]
        for (arguments, name) in [
            (["quickstart", folder.file("none.onnx"), "--labels", Demo.labels, "--out", out], "none.onnx"),
            (base + ["--labels", Demo.labels, "--picture", folder.file("none.png")], "none.png"),
            (base + ["--labels", labels], "2"),
        ] {
            let refused = try infenclave(arguments, in: folder)
            #expect(refused.status == 1 && refused.errors.contains(name), "\(refused.errors)")
            #expect(!FileManager.default.fileExists(atPath: out))
        }
    }

    @Test("partition without cuts puts everything inside; one cut alone, and noise without a cut, are refused")
    func partition() throws {
        let folder = try TemporaryFolder()
        func options(_ name: String) -> [String] {
            [
                "partition", Demo.model, "--labels", Demo.labels, "--out", folder.file("\(name).infenclave"),
                "--key-out", folder.file("\(name).key"),
            ]
        }
        try succeed(options("plain"), in: folder)
        let manifest = try #require(
            JSONSerialization.jsonObject(with: Data(try bytes(of: folder.file("plain.infenclave/manifest.json"))))
                as? [String: Any])
        #expect((manifest["cuts"] as? [String: Any])?["everythingInside"] as? Bool == true)
        #expect((manifest["assessment"] as? [String: Any])?["status"] as? String == "none")
        let half = try infenclave(options("half") + ["--front", "stage2.pool"], in: folder)
        #expect(half.status == 64)
        #expect(try infenclave(options("noise") + ["--noise", "1"], in: folder).status == 64)
    }
}
