// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import TestSupport
import Testing

@Suite("The configuration file of serve", .serialized)
struct ServeConfigurationTests {
    private func configuration(_ members: [String: Any]) throws -> [UInt8] {
        [UInt8](try JSONSerialization.data(withJSONObject: members))
    }

    private func serve(_ text: [UInt8], in folder: TemporaryFolder) throws -> Outcome {
        let path = try folder.write(text, to: "serve.json")
        return try infenclave(["serve", "--config", path], in: folder)
    }

    @Test(
        "Unknown members, values of another type and duplicate members are refused with the file's name",
        arguments: [
            (#"{"bundles":["x.infenclave"],"tee":"development","workerz":1}"#, "workerz"),
            (#"{"bundles":["x.infenclave"],"tee":"development","workers":0}"#, "--workers takes"),
            (#"{"bundles":["x.infenclave"],"tee":"development","workers":"many"}"#, "workers"),
            (#"{"bundles":["x.infenclave"],"tee":"development","replicas":9}"#, "--replicas takes"),
            (#"{"bundles":["x.infenclave"],"tee":"development","listen":true}"#, "not a number"),
            (#"{"bundles":["x.infenclave"],"tee":"development","listen":{}}"#, "not a number"),
            (#"{"bundles":["x.infenclave"],"tee":"development","tee":"snp"}"#, "tee"),
            (#"{"bundles":["x.infenclave"],"tee":"development","config":"y"}"#, "config"),
            (#"{"bundles":[],"tee":"development"}"#, "bundles"), ("[]", "object"), ("{", "serve.json"),
        ])
    func refused(_ text: String, _ word: String) throws {
        let folder = try TemporaryFolder()
        let outcome = try serve(Array(text.utf8), in: folder)
        #expect(outcome.status == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains("serve.json") && outcome.errors.contains(word), "\(outcome.errors)")
    }

    @Test("Command-line options beside a configuration file are refused")
    func alone() throws {
        let outcome = try infenclave(["serve", "a.infenclave", "--config", "x.json"], in: try TemporaryFolder())
        #expect(outcome.status == 64 && outcome.errors.contains("--config takes the place"), "\(outcome.errors)")
    }

    @Test(
        "SIGHUP reloads bundles and log level, and reports that other changes need a restart"
    )
    func reload() throws {
        let folder = try TemporaryFolder()
        let first = try Deployment(cuts: Demo.everythingInside, name: "first", in: folder)
        let second = try Deployment(cuts: Demo.everythingInside, name: "second", in: folder)
        let path = folder.file("serve.json")
        var members: [String: Any] = [
            "bundles": [first.bundle], "tee": "development", "listen": "127.0.0.1:0", "admin-listen": "none",
            "threads": 1, "connections-per-address": 1024, "log-level": "info",
        ]
        try Data(try configuration(members)).write(to: URL(filePath: path))
        let program = try Program(
            [
                "-c", "\(ReplicaTests.detached) \"$0\" \"$@\"", Program.products + "/infenclave", "serve", "--config",
                path,
            ],
            in: folder, executable: "/bin/sh")
        try program.wait(until: "address") { program.errors.contains(" at http://") }
        let address = try #require(program.errors.firstMatch(of: /serving .* at (http:\/\/127\.0\.0\.1:[0-9]+)/))
        let url = String(address.output.1)
        try succeed(first.provisionArguments(url), in: folder)
        #expect(try first.classify(url, [Demo.clients[0].0])[0][0].name == "Stop")

        try Data("{".utf8).write(to: URL(filePath: path))
        kill(program.identifier, SIGHUP)
        try program.wait(until: "error") { program.errors.contains("the configuration cannot be used") }

        members["bundles"] = [first.bundle, second.bundle]
        members["listen"] = "127.0.0.1:1"
        try Data(try configuration(members)).write(to: URL(filePath: path))
        kill(program.identifier, SIGHUP)
        try program.wait(until: "second model") {
            program.errors.contains("serving classifier at /models/second")
        }
        #expect(program.errors.contains("'listen' has changed, which needs a restart"))
        try succeed(second.provisionArguments(url + "/models/second"), in: folder)
        for model in [first, second] {
            let name = model.bundle == first.bundle ? "first" : "second"
            #expect(try model.classify("\(url)/models/\(name)", [Demo.clients[0].0])[0][0].name == "Stop")
        }
        // The paths without a name, from when it was the only model, remain valid.
        #expect(try first.classify(url, [Demo.clients[0].0])[0][0].name == "Stop")
        try succeed(first.provisionArguments(url), in: folder)
        members["bundles"] = [second.bundle]
        members["log-level"] = "error"
        try Data(try configuration(members)).write(to: URL(filePath: path))
        kill(program.identifier, SIGHUP)
        try program.wait(until: "end of the first model") { program.children.count == 1 }
        #expect(try second.classify(url, [Demo.clients[0].0])[0][0].name == "Stop")
        let lines = program.errorLineCount
        kill(program.identifier, SIGUSR1)
        usleep(300_000)
        #expect(program.errorLineCount == lines, "\(program.errors)")
        kill(program.identifier, SIGTERM)
        #expect(try program.wait().status == 0)
    }

    @Test("A changed number of replicas redistributes the processors among the enclaves")
    func replicas() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(cuts: Demo.everythingInside, in: folder)
        let path = folder.file("serve.json")
        var members: [String: Any] = [
            "bundles": [deployment.bundle], "tee": "development", "listen": "127.0.0.1:0", "admin-listen": "none",
            "threads": 1,
        ]
        try Data(try configuration(members)).write(to: URL(filePath: path))
        let program = try Program(
            [
                "-c", "\(ReplicaTests.detached) \"$0\" \"$@\"", Program.products + "/infenclave", "serve", "--config",
                path,
            ],
            in: folder, executable: "/bin/sh")
        try program.wait(until: "address") { program.errors.contains(" at http://") }
        func workers(_ process: pid_t) throws -> Int? {
            let words = try String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8).split(separator: "\0")
            return words.firstIndex(of: "--workers").flatMap { Int(words[$0 + 1]) }
        }
        let alone = try #require(program.children.first)
        let processors = try #require(try workers(alone))
        members["replicas"] = 2
        try Data(try configuration(members)).write(to: URL(filePath: path))
        kill(program.identifier, SIGHUP)
        try program.wait(until: "staged replicas") { program.errors.contains("are staged") }
        let staged = program.children.filter { $0 != alone }
        #expect(staged.count == 2)
        for enclave in staged { #expect(try workers(enclave) == max(1, processors / 2)) }
        #expect(try workers(alone) == processors)
    }

    @Test("A model in its grace period delays neither other bundles nor the next reload of the configuration")
    func grace() throws {
        let folder = try TemporaryFolder()
        let first = try Deployment(cuts: Demo.everythingInside, name: "first", in: folder)
        let next = try Deployment(cuts: Demo.everythingInside, name: "next", in: folder)
        let second = try Deployment(cuts: Demo.everythingInside, name: "second", in: folder)
        let third = try Deployment(cuts: Demo.everythingInside, name: "third", in: folder)
        let path = folder.file("serve.json")
        var members: [String: Any] = [
            "bundles": [first.bundle], "tee": "development", "listen": "127.0.0.1:0", "admin-listen": "none",
            "threads": 1, "swap-grace": 600,
        ]
        func read(_ bundles: [String]) throws {
            members["bundles"] = bundles
            try Data(try configuration(members)).write(to: URL(filePath: path))
        }
        try read([first.bundle])
        let program = try Program(
            [
                "-c", "\(ReplicaTests.detached) \"$0\" \"$@\"", Program.products + "/infenclave", "serve", "--config",
                path,
            ],
            in: folder, executable: "/bin/sh")
        try program.wait(until: "address") { program.errors.contains(" at http://") }
        let address = try #require(program.errors.firstMatch(of: /serving .* at (http:\/\/127\.0\.0\.1:[0-9]+)/))
        let url = String(address.output.1)
        // Another bundle replaces it, and the first returns during the grace period.
        let aside = folder.file("aside")
        try FileManager.default.moveItem(atPath: first.bundle, toPath: aside)
        try FileManager.default.copyItem(atPath: next.bundle, toPath: first.bundle)
        kill(program.identifier, SIGHUP)
        try program.wait(until: "staged bundle") { program.errors.contains("are staged") }
        try succeed(next.provisionArguments(url) + ["--staged"], in: folder)
        try program.wait(until: "switch") { program.errors.contains("the staged replicas serve now") }
        try FileManager.default.removeItem(atPath: first.bundle)
        try FileManager.default.moveItem(atPath: aside, toPath: first.bundle)
        try read([first.bundle, second.bundle])
        kill(program.identifier, SIGHUP)
        try program.wait(until: "second model") {
            program.errors.contains("serving classifier at /models/second")
        }
        try read([first.bundle, second.bundle, third.bundle])
        kill(program.identifier, SIGHUP)
        try program.wait(until: "third model") {
            program.errors.contains("serving classifier at /models/third")
        }
        kill(program.identifier, SIGTERM)
        #expect(try program.wait().status == 0)
    }
}

extension Program {
    fileprivate var errorLineCount: Int { errors.split(separator: "\n").count }
}
