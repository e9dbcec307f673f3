// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@Suite("The features command, and assess --attack")
struct OutsideAttackTests {
    private func features(_ rest: [String]) -> [String] {
        ["features", Demo.model, "--images", Demo.pictures, "--limit", "12", "--threads", "2"] + rest
    }

    private func result(_ digest: String, cut: String = "neck.flatten", value: String = "0.4") -> String {
        """
        {"version":1,"modelSHA256":"\(digest)","cut":"\(cut)","asset":"appearance","value":\(value),"error":0.02,
        "trainingPictures":9,"testPictures":3,"description":"made up"}
        """
    }

    @Test("features writes arrays with their origin, readable only by their owner")
    func features() throws {
        let folder = try TemporaryFolder()
        let out = folder.file("out")
        let outcome = try succeed(features(["--cut", "stage2.pool", "--out", out, "--json"]), in: folder)
        let summary = try #require(outcome.json as? [String: Any])
        #expect(summary["shape"] as? [Int] == [12, 24, 8, 8])
        #expect(summary["training"] as? Int == 9 && summary["test"] as? Int == 3)
        #expect(try bytes(of: out + "/features.npy").count == 128 + 4 * 12 * 24 * 8 * 8)
        #expect(try mode(of: out) == 0o700 && mode(of: out + "/pictures.npy") == 0o600)
    }

    @Test("features refuses an existing folder, an unknown cut and too few pictures")
    func refusedFeatures() throws {
        let folder = try TemporaryFolder()
        let there = try folder.makeFolder("there")
        try expectRefused(features(["--cut", "stage2.pool", "--out", there]), naming: "does not exist yet", in: folder)
        let out = folder.file("out")
        try expectRefused(features(["--cut", "stage2.pul", "--out", out]), naming: "stage2.pul", in: folder)
        try expectRefused(
            features(["--cut", "stage2.pool", "--out", out, "--decoder-images", "3"]), naming: "at least 8", in: folder)
    }

    @Test("assess refuses an attack on another model or an unknown cut, or with a value out of range")
    func refusedAttacks() throws {
        let folder = try TemporaryFolder()
        let out = folder.file("features")
        try succeed(features(["--cut", "neck.flatten", "--out", out]), in: folder)
        let split = try JSONSerialization.jsonObject(with: Data(try bytes(of: out + "/split.json"))) as? [String: Any]
        let digest = try #require(split?["modelSHA256"] as? String)
        for (text, word) in [
            (result(String(repeating: "0", count: 64)), "infenclave features"), (result(digest, cut: "nick"), "nick"),
            (result(digest, value: "1.5"), "0 to 1"), ("{}", "missing"),
        ] {
            let file = try folder.write(text, to: "result.json")
            try expectRefused(
                [
                    "assess", Demo.model, "--images", Demo.pictures, "--limit", "12", "--out", folder.file("report"),
                    "--attack", "mine=\(file)",
                ], naming: word, in: folder)
        }
    }

    @Test("--attack needs a unique name and an informed adversary; the paper's adversary protects only appearance")
    func usage() throws {
        let folder = try TemporaryFolder()
        let assess = ["assess", Demo.model, "--images", Demo.pictures, "--out", folder.file("report")]
        for rest in [
            ["--attack", "result.json"], ["--attack", "a=x.json", "--attack", "a=y.json"],
            ["--attack", "a=x.json", "--adversary", "paper", "--protect", "appearance"], ["--adversary", "paper"],
            ["--adversary", "paper", "--protect", "identity,class"],
        ] { try expectUsage(assess + rest, in: folder) }
    }
}
