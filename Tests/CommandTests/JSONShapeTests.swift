// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

/// What a JSON value must look like. More members than named are allowed.
indirect enum JSONShape: Sendable {
    case string, number, bool
    /// A number or null.
    case optionalNumber
    case array(JSONShape)
    case object([String: JSONShape])

    /// Where `value` is otherwise.
    func difference(_ value: Any?, at path: String = "$") -> String? {
        switch (self, value) {
        case (.string, is String), (.optionalNumber, nil), (.optionalNumber, is NSNull): return nil
        case (.number, let number as NSNumber), (.optionalNumber, let number as NSNumber):
            return Self.isBool(number) ? "\(path) is a bool" : nil
        case (.bool, let number as NSNumber): return Self.isBool(number) ? nil : "\(path) is a number"
        case (.array(let element), let array as [Any]):
            guard !array.isEmpty else { return nil }
            return array.enumerated().lazy.compactMap { element.difference($1, at: "\(path)[\($0)]") }.first
        case (.object(let members), let object as [String: Any]):
            return members.sorted { $0.key < $1.key }.lazy
                .compactMap { $1.difference(object[$0], at: "\(path).\($0)") }.first
        default: return "\(path) is \(value.map { "\($0)" } ?? "missing")"
        }
    }

    private static func isBool(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }
}

func expectShape(_ value: Any?, _ shape: JSONShape, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(shape.difference(value) == nil, sourceLocation: sourceLocation)
}

@Suite("JSON output for programs")
struct JSONShapeTests {
    private static let port = JSONShape.object(["name": .string, "shape": .array(.number), "type": .string])

    @Test("keygen --json prints the public key and never the secret key")
    func keygen() throws {
        let folder = try TemporaryFolder()
        for (kind, member) in [("owner", "publicKey"), ("token", "digest")] {
            let file = folder.file("\(kind).key")
            let outcome = try succeed(["keygen", kind, "--out", file, "--json"], in: folder)
            expectShape(outcome.json, .object(["kind": .string, "file": .string, member: .string]))
            let secret = try #require(
                String(decoding: try bytes(of: file), as: UTF8.self).trimmingCharacters(in: .newlines)
                    .split(separator: ":").last)
            #expect(!outcome.output.contains(secret))
        }
    }

    @Test("inspect --json has the documented members")
    func inspect() throws {
        let folder = try TemporaryFolder()
        let json = try succeed(["inspect", Demo.model, "--json"], in: folder).json
        let crossing = JSONShape.object([
            "tensor": .string, "shape": .array(.number), "type": .string, "bytes": .number,
        ])
        expectShape(
            json,
            .object([
                "layers": .array(
                    .object([
                        "name": .string, "operator": .string, "outputShape": .array(.number), "parameters": .number,
                        "multiplyAdds": .number,
                    ])),
                "cuts": .array(
                    .object([
                        "name": .string, "crossing": .array(crossing), "parametersInside": .number,
                        "multiplyAddsInside": .number,
                    ])),
                "inputs": .array(Self.port), "outputs": .array(Self.port), "scores": .string, "parameters": .number,
                "multiplyAdds": .number,
            ]))
        let object = try #require(json as? [String: Any])
        #expect((object["layers"] as? [Any])?.count == 44)
        let cuts = try #require(object["cuts"] as? [[String: Any]])
        #expect(cuts.last?["parametersInside"] as? Int == object["parameters"] as? Int)
        #expect(cuts.last?["multiplyAddsInside"] as? Int == object["multiplyAdds"] as? Int)
        // The first convolution: 16 x 64 x 64 outputs of 3 x 3 x 3 products, f32.
        let first = try #require((cuts.first?["crossing"] as? [[String: Any]])?.first)
        #expect(first["bytes"] as? Int == 4 * 16 * 64 * 64)
        #expect(cuts.first?["multiplyAddsInside"] as? Int == 16 * 64 * 64 * 27)
    }

    @Test("assessment.json and plan.json have the documented members, and the same seed gives the same numbers")
    func assess() throws {
        let folder = try TemporaryFolder()
        func assess(_ name: String) throws -> Any {
            try succeed(
                [
                    "assess", Demo.model, "--images", Demo.pictures, "--limit", "24", "--validator",
                    Demo.folder + "/validator.onnx", "--out", folder.file(name), "--cut", "stem.pool", "--cut",
                    "stage3.pool", "--seed", "7", "--trained", "all", "--public-backbone", Demo.model,
                    "--white-box", "1", "--bound-pictures", "4",
                ], in: folder)
            let data = Data(try bytes(of: folder.file(name) + "/assessment.json"))
            return try JSONSerialization.jsonObject(with: data)
        }
        let json = try assess("first")
        let cut = JSONShape.object([
            "name": .string, "klMean": .optionalNumber, "klMedian": .optionalNumber,
            "klPassFraction": .optionalNumber, "klNullMean": .optionalNumber, "klAUC": .optionalNumber,
            "klAUCError": .optionalNumber, "klAUCPooled": .optionalNumber, "klTop1": .optionalNumber,
            "klCandidates": .optionalNumber, "klPassFractionLower": .optionalNumber, "r2": .number, "ssim": .number,
            "ssimOfMean": .number, "ssimGainError": .number, "retrievalTop1": .number, "retrievalTop1Upper": .number,
            "decoderKLRatioError": .optionalNumber, "reconstruction": .object([:]),
            "weights": .object([
                "unknowns": .number, "floatsPerRequest": .number, "leastRequests": .number,
                "impulseRequests": .optionalNumber,
            ]),
            "bounds": .object([
                "candidates": .number,
                "levels": .array(
                    .object([
                        "sigma": .number, "top1Bound": .number, "top1BoundError": .optionalNumber, "top1": .number,
                        "top1Error": .number,
                    ])),
            ]),
        ])
        expectShape(
            json,
            .object([
                "model": .object([
                    "sha256": .string, "graphSHA256": .string, "output": .string, "scores": .string,
                    "preprocessing": .object(["width": .number, "resize": .object(["mode": .string])]),
                ]), "images": .number, "seed": .number, "baselineMean": .number,
                "cuts": .array(cut),
                "publicBackbone": .object([
                    "name": .string, "sha256": .string,
                    "layers": .array(.object(["name": .string, "status": .string])),
                    "cuts": .array(.object(["name": .string, "weightedLayers": .number, "publicFromFirst": .number])),
                ]),
                "recommendation": .object([
                    "front": .string, "mapping": .string, "rule": .string, "reason": .string,
                ]), "paperRule": .object(["front": .string]),
            ]))
        let object = try #require(json as? [String: Any])
        #expect(object["images"] as? Int == 24)
        #expect(object["seed"] as? Int == 7)
        let names = (object["cuts"] as? [[String: Any]])?.compactMap { $0["name"] as? String }
        #expect(names?.contains("stem.pool") == true && names?.contains("stage3.pool") == true)
        #expect((object["cuts"] as? [[String: Any]])?.first?["klMean"] is NSNumber)
        let plan = try JSONSerialization.jsonObject(
            with: Data(try bytes(of: folder.file("first") + "/plan.json")))
        expectShape(plan, .object(["version": .number, "front": .string, "mapping": .string, "modelSHA256": .string]))
        let again = try assess("second")
        // All but the measured times.
        let cuts = [json, again].map { result in
            ((result as? [String: Any])?["cuts"] as? [[String: Any]])?.map { cut in
                cut.filter { $0.key != "cost" } as NSDictionary
            }
        }
        #expect(cuts[0]?.isEmpty == false && cuts[0] == cuts[1])
        let page = String(decoding: try bytes(of: folder.file("first") + "/report.html"), as: UTF8.self)
        #expect(page.contains("<svg") && !page.contains("src=\"http"))
    }

    @Test("classify --json, attest --json and provision --json have the documented members")
    func serving() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(cuts: Demo.everythingInside, in: folder)
        let server = try Server(deployment)
        let provisioned = try succeed(deployment.provisionArguments(server.url) + ["--json"], in: folder)
        expectShape(provisioned.json, .object(["state": .string, "tee": .string, "clients": .number]))
        let attested = try succeed(["attest"] + deployment.target(server.url) + ["--json"], in: folder)
        expectShape(
            attested.json,
            .object([
                "tee": .string, "verdict": .string, "reasons": .array(.string),
                "skipped": .array(.object(["check": .string, "reason": .string])),
            ]))
        let verdict = try #require(attested.json as? [String: Any])
        #expect(verdict["tee"] as? String == "development")
        #expect(verdict["verdict"] as? String == "accepted")
        #expect(verdict["measurement"] != nil)

        let classified = try succeed(
            deployment.classifyArguments(server.url, Demo.clients.map(\.0), top: 3), in: folder)
        expectShape(
            classified.jsonLines,
            .array(
                .object([
                    "image": .string,
                    "results": .array(.object(["index": .number, "class": .string, "probability": .number])),
                    "milliseconds": .object(["attest": .number, "encode": .number, "request": .number]),
                    "tee": .string, "measurement": .string,
                ])))
        let answers = classified.jsonLines
        #expect(answers.count == 3)
        #expect(answers.allSatisfy { ($0["results"] as? [Any])?.count == 3 })
        #expect(answers.map { $0["image"] as? String } == Demo.clients.map(\.0))
        // The serving enclave is the one that the tests' build measures.
        let measured = try Program(["--measure"], in: folder, executable: "infenclave-enclave").wait()
        let measurement = measured.output.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(measurement.count == 96)
        #expect(answers.allSatisfy { $0["measurement"] as? String == measurement })
    }

    @Test("bench --json has the documented members")
    func bench() throws {
        let folder = try TemporaryFolder()
        let outcome = try succeed(
            [
                "bench", Demo.model, "--runs", "3", "--front", Demo.cuts.front, "--mapping", Demo.cuts.mapping,
                "--throughput", "--batch", "5", "--json",
            ], in: folder)
        let timing = JSONShape.object(["milliseconds": .number, "p90": .number])
        expectShape(
            outcome.json,
            .object([
                "model": .string, "precision": .string, "threads": .number,
                "plain": .object(["milliseconds": .number, "p90": .number, "runs": .number]), "confidential": timing,
                "allInside": .object(["milliseconds": .number]), "throughput": .number,
                "batch": .object(["images": .number, "milliseconds": .number, "p90": .number, "runs": .number]),
            ]))
        #expect((outcome.json as? [String: Any])?["float32"] == nil)
    }

    @Test("bench shows f32 times beside bf16 times if the processor supports bf16")
    func benchReduced() throws {
        let folder = try TemporaryFolder()
        let command = ["bench", Demo.model, "--runs", "3", "--precision", "bf16"]
        let json = try #require(try succeed(command + ["--json"], in: folder).json as? [String: Any])
        let isReduced = json["precision"] as? String == "bf16"
        let timing = JSONShape.object(["milliseconds": .number, "p90": .number, "runs": .number])
        expectShape(json, .object(isReduced ? ["plain": timing, "float32": timing] : ["plain": timing]))
        #expect(try succeed(command, in: folder).output.contains("plain, f32") == isReduced)
    }
}
