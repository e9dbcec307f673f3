// SPDX-License-Identifier: Apache-2.0
import Foundation
import SealedChannel
import Synchronization
import Testing

/// An assessment.json of the demo's model that was never measured. It is accepted, which shows what a signed assessment
/// means: it binds its owner to a file, and does not prove how the file was made.
struct AssessmentFixture {
    var model = Demo.model
    var front = Demo.cuts.front
    var mapping = Demo.cuts.mapping
    /// Of the noise under which the cut passes; without any it passes as it is.
    var sigma: Double?
    var gates = "standard"
    /// The candidate cuts that are deeper than `front`.
    var deeper = [
        "stage3.relu", "stage3.block1.relu3", "stage3.pool", "neck.relu", "neck.flatten", "head.relu1", "head.relu2",
    ]
    /// Members of `model` that differ from those of the model as it is loaded.
    var changes: [String: Any] = [:]
    /// Members of `model` that are missing.
    var missing: Set<String> = []

    /// `model` as `assess --cost-only` writes it for the demo's models, which takes no pictures.
    private static let models = Mutex<[String: Data]>([:])

    private static func description(of model: String) throws -> [String: Any] {
        let data = try models.withLock { models in
            if let data = models[model] { return data }
            let answer = try succeed(
                ["assess", model, "--cost-only", "--json"], in: TemporaryFolder())
            let object = try #require((answer.json as? [String: Any])?["model"])
            let data = try JSONSerialization.data(withJSONObject: object)
            models[model] = data
            return data
        }
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    /// Writes `assessment.json` and `plan.json` into a new folder.
    ///
    /// - Parameter digest: The digest of the assessment in the plan, if it is to be wrong.
    /// - Returns: The path of the plan.
    func write(to folder: TemporaryFolder, _ name: String, digest: String? = nil, plan: String? = nil) throws -> String
    {
        _ = try folder.makeFolder(name)
        let model = ContentDigest(of: try bytes(of: model))
        let noise = sigma.map { "\($0)" } ?? "null"
        let recommended = "\"front\":\"\(front)\",\"mapping\":\"\(mapping)\",\"sigma\":\(noise)"
        let noisyCut = sigma.map { "{\"sigma\":\($0),\"passes\":true}" } ?? "null"
        var members = try Self.description(of: self.model).merging(changes) { $1 }
        for name in missing { members[name] = nil }
        let network = String(
            decoding: try JSONSerialization.data(withJSONObject: members, options: [.sortedKeys]), as: UTF8.self)
        let deeper = deeper.map { ",\n{\"name\":\"\($0)\",\"gates\":{\"passes\":true},\"noise\":null}" }.joined()
        let assessment = """
            {"version":3,"protected":["appearance","identity"],"attackerPictures":5000,"model":\(network),"images":60,"adversary":"both",
            "gates":{"name":"\(gates)","maximumR2":0.15,"maximumSSIMGain":0.05,"minimumKLPassFraction":0.95,
            "maximumKLAUC":0.65,"minimumDecoderKLRatio":0.8,"maximumTop1":null,"maximumIdentified":0.1,"maximumClassGain":0.1},
            "cuts":[{"name":"stem.pool","gates":{"passes":false},"noise":null},
            {"name":"\(front)","gates":{"passes":\(sigma == nil)},"noise":\(noisyCut)}\(deeper)],
            "recommendation":{\(recommended),"everythingInside":false,"nextSafer":null,
            "nextFaster":{"front":"stem.pool","mapping":"\(mapping)","sigma":null}},
            "plans":[{\(recommended),"everythingInside":false,"passesGates":true},
            {"front":"stem.pool","mapping":"\(mapping)","sigma":null,"everythingInside":false,"passesGates":false}]}
            """
        try folder.write(assessment, to: "\(name)/assessment.json")
        let truth = ContentDigest(of: Array(assessment.utf8)).description
        let cuts = plan ?? (sigma == nil ? "\"front\":\"\(front)\",\"mapping\":\"\(mapping)\"" : recommended)
        return try folder.write(
            """
            {"version":1,\(cuts),"modelSHA256":"\(model)","assessmentSHA256":"\(digest ?? truth)","rule":"r",
            "reason":"It is perfectly safe."}
            """, to: "\(name)/plan.json")
    }
}
