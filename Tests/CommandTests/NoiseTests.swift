// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@Suite("Noise on the boundary tensor, from plan to answer")
struct NoiseTests {
    private func manifest(of bundle: String) throws -> [String: Any] {
        try #require(
            try JSONSerialization.jsonObject(with: Data(try bytes(of: bundle + "/manifest.json"))) as? [String: Any])
    }

    private func sigma(of bundle: String) throws -> Double? {
        (try manifest(of: bundle)["boundary"] as? [String: Any])?["sigma"] as? Double
    }

    @Test(
        "A bundle with little noise answers correctly and repeatably, and its manifest states the noise",
        arguments: ["f32", "bf16"])
    func served(precision: String) throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(options: ["--noise", "0.01", "--precision", precision], in: folder)
        #expect(try sigma(of: deployment.bundle) == 0.01)
        let server = try Server(provisioned: deployment)
        let answers = try (0..<2).map { _ in try deployment.classify(server.url, Demo.clients.map(\.0)) }
        #expect(answers[0].map { $0[0].name } == Demo.clients.map(\.1))
        #expect(answers[0].map { $0.map(\.probability) } == answers[1].map { $0.map(\.probability) })
        // Another model key gives other noise, so the answers differ slightly.
        let other = try Deployment(name: "other", options: ["--noise", "0.01", "--precision", precision], in: folder)
        let otherServer = try Server(provisioned: other)
        let otherAnswers = try other.classify(otherServer.url, Demo.clients.map(\.0))
        #expect(otherAnswers.map { $0[0].name } == Demo.clients.map(\.1))
        #expect(otherAnswers.map { $0.map(\.probability) } != answers[0].map { $0.map(\.probability) })
    }

    @Test("An invalid sigma, or one with everything inside, is refused before any key is written")
    func refusals() throws {
        let folder = try TemporaryFolder()
        func partition(_ noise: String, _ cuts: Cuts = Demo.cuts) -> [String] {
            [
                "partition", Demo.model, "--front", cuts.front, "--mapping", cuts.mapping, "--labels", Demo.labels,
                "--out", folder.file("b.infenclave"), "--key-out", folder.file("b.key"), "--noise=\(noise)",
            ]
        }
        for noise in ["-1", "nan", "inf", "1e9", "1e-9", "some"] {
            try expectUsage(partition(noise), in: folder)
        }
        try expectRefused(partition("0.5", Demo.everythingInside), naming: "everything is inside", in: folder)
        #expect(!FileManager.default.fileExists(atPath: folder.file("b.key")))
        try succeed(partition("0"), in: folder)
        #expect(try sigma(of: folder.file("b.infenclave")) == nil)
    }

    @Test("partition applies the sigma of a plan, and accepts no other sigma beside it")
    func plan() throws {
        let folder = try TemporaryFolder()
        let plan = try AssessmentFixture(sigma: 0.25).write(to: folder, "report")
        func partition(_ more: [String]) -> [String] {
            [
                "partition", Demo.model, "--plan", plan, "--labels", Demo.labels, "--out", folder.file("b.infenclave"),
                "--key-out", folder.file("b.key"),
            ] + more
        }
        try expectUsage(partition(["--noise", "1"]), in: folder)
        let outcome = try succeed(partition([]), in: folder)
        #expect(outcome.output.contains("deviation 0.25"))
        #expect(try sigma(of: folder.file("b.infenclave")) == 0.25)
    }
}
