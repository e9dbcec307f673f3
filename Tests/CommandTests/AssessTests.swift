// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Testing

@Suite("assess: interruption, shards, limits")
struct AssessTests {
    private func arguments(_ rest: [String], limit: Int = 24) -> [String] {
        [
            "assess", Demo.model, "--images", Demo.pictures, "--limit", "\(limit)", "--validator",
            Demo.folder + "/validator.onnx", "--cut", "stem.pool", "--cut", "stage2.pool", "--cut", "stage3.pool",
            "--trained", "none", "--threads", "2",
            // The attacked cuts depend on the recommendation, which depends on times.
            "--white-box", "0", "--bound-pictures", "6",
        ] + rest
    }

    /// Of assessment.json, all but what was timed.
    private func numbers(_ out: String) throws -> NSDictionary {
        var object = try #require(json(out) as? [String: Any])
        object["cuts"] = (object["cuts"] as? [[String: Any]])?.map { $0.filter { $0.key != "cost" } }
        object["model"] = nil
        object["plans"] = nil
        object["recommendation"] = nil
        return object as NSDictionary
    }

    private func json(_ out: String) throws -> Any {
        try JSONSerialization.jsonObject(with: Data(try bytes(of: out + "/assessment.json")))
    }

    private func pieces(_ folder: String) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.count { $0.hasSuffix(".piece") }
    }

    @Test(
        "An assessment that a signal interrupted gives the same numbers when it is run again",
        arguments: [SIGINT, SIGKILL])
    func interrupted(signal: Int32) throws {
        let folder = try TemporaryFolder()
        try succeed(arguments(["--out", folder.file("whole")]), in: folder)
        let out = folder.file("out")
        // Once in the stored pictures, once among the decoders, once in the channel KL.
        for count in [10, 28, 40] {
            let program = try Program(arguments(["--out", out]), in: folder)
            try program.wait(until: "\(count) pieces") {
                pieces(out + "/work") >= count || !program.isRunning
            }
            kill(program.identifier, signal)
            let outcome = try program.wait()
            if signal == SIGINT, outcome.status != 0 {
                #expect(outcome.status == 1)
                #expect(outcome.errors.contains("run the same command again"))
            }
            #expect(pieces(out + "/work") >= count || outcome.status == 0)
        }
        try succeed(arguments(["--out", out]), in: folder)
        #expect(try numbers(out) == numbers(folder.file("whole")))
        // Nothing but the report is left.
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: out).sorted()
                == ["assessment.json", "plan.json", "report.html"])
    }

    @Test("With --work the intermediate results are kept, and a second run writes the same bytes")
    func work() throws {
        let folder = try TemporaryFolder()
        for name in ["first", "second"] {
            let printed = try succeed(
                arguments(["--out", folder.file(name), "--work", folder.file("work")]), in: folder
            ).output
            #expect(
                printed.contains("expected of an attacker with 100000 pictures, this cut or deeper; other numbers:"))
        }
        #expect(pieces(folder.file("work")) > 40)
        #expect(try mode(of: folder.file("work")) == 0o700)
        // The report contains images.
        #expect(try mode(of: folder.file("first")) == 0o700)
        for file in ["assessment.json", "plan.json", "report.html"] {
            #expect(try mode(of: folder.file("first") + "/" + file) == 0o600, "\(file)")
            #expect(try bytes(of: folder.file("first") + "/" + file) == bytes(of: folder.file("second") + "/" + file))
        }
    }

    @Test("Three merged shards give the same numbers as one run")
    func shards() throws {
        let folder = try TemporaryFolder()
        try succeed(arguments(["--out", folder.file("whole")]), in: folder)
        let folders = (1...3).map { folder.file("shard\($0)") }
        for index in 1...3 {
            let outcome = try succeed(
                arguments(["--shard", "\(index)/3", "--work", folders[index - 1], "--json"]), in: folder)
            expectShape(outcome.json, .object(["work": .string, "shard": .number, "shards": .number]))
            if index == 2 {
                try expectRefused(
                    ["assess", "merge", folders[0], folders[1], "--out", folder.file("early")],
                    naming: "3 is missing", in: folder)
            }
        }
        try succeed(["assess", "merge"] + folders + ["--out", folder.file("merged")], in: folder)
        #expect(try numbers(folder.file("merged")) == numbers(folder.file("whole")))
        let other = folder.file("other")
        try succeed(arguments(["--shard", "3/3", "--work", other, "--seed", "5"]), in: folder)
        try expectRefused(
            ["assess", "merge", folders[0], folders[1], other, "--out", folder.file("mixed")],
            naming: "different inputs: seed", in: folder)
    }

    @Test("Shards and work directories that are inconsistent with the run are refused")
    func contradictions() throws {
        let folder = try TemporaryFolder()
        for (rest, word) in [
            (["--shard", "4/3", "--work", folder.file("w")], "shard"), (["--shard", "1/3"], "--work"),
            (["--shard", "x", "--work", folder.file("w")], "shard"),
            (["--out", folder.file("o"), "--work", folder.file("o/w")], "--work"),
            (["--cost-only", "--work", folder.file("w")], "--cost-only"),
        ] {
            let outcome = try infenclave(arguments(rest), in: folder)
            #expect(outcome.status == 64, "\(rest)")
            #expect(outcome.errors.contains(word), "\(rest): \(outcome.errors)")
        }
        #expect(try folder.contents().isEmpty)
    }

    @Test("A full disk stops the assessment with an error that says so", arguments: [1, 40])
    func fullDisk(blocks: Int) throws {
        let folder = try TemporaryFolder()
        // In blocks of 512 or 1024 bytes, as the shell has it: no file may be larger.
        let command = "trap '' XFSZ; ulimit -f \(blocks); exec \"$@\" >/dev/null"
        let program = try Program(
            ["-c", command, "sh", Program.products + "/infenclave"] + arguments(["--out", folder.file("out")]),
            in: folder, executable: "/bin/sh")
        let outcome = try program.wait()
        #expect(outcome.status == 1)
        #expect(!FileManager.default.fileExists(atPath: folder.file("out/assessment.json")))
        #expect(outcome.errors.contains("no space is left"), "\(outcome.errors)")
    }

    @Test("--cost-only measures the cost of every cut without pictures")
    func costOnly() throws {
        let folder = try TemporaryFolder()
        let command = ["assess", Demo.model, "--cost-only", "--enclave-memory", "1M"]
        let object = try #require(try succeed(command + ["--json"], in: folder).json as? [String: Any])
        let cuts = try #require(object["cuts"] as? [[String: Any]])
        #expect(cuts.count > 5)
        #expect(cuts.allSatisfy { $0["cost"] is [String: Any] && $0["fitsEnclaveMemory"] is Bool })
        #expect(object["everythingInside"] is [String: Any])
        #expect(try succeed(command, in: folder).output.contains("stage2.pool"))
        let outcome = try infenclave(command + ["--images", Demo.pictures], in: folder)
        #expect(outcome.status == 64 && outcome.errors.contains("--cost-only"))
    }

    @Test("--kl-images limits the pictures of the channel KL and of no other metric")
    func channelImages() throws {
        let folder = try TemporaryFolder()
        let out = folder.file("out")
        try succeed(arguments(["--out", out, "--kl-images", "5"], limit: 16), in: folder)
        let object = try #require(json(out) as? [String: Any])
        #expect(object["klImages"] as? Int == 5 && object["images"] as? Int == 16)
        let text = try #require(object["warnings"] as? [String])
        #expect(text.contains { $0.hasPrefix("5 pictures for the channel KL") })
        try expectRefused(
            arguments(["--out", folder.file("few"), "--kl-images", "1"]), naming: "channel KL", in: folder)
    }
}
