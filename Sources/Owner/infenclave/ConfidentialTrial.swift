// SPDX-License-Identifier: Apache-2.0
import Attestation
import BundleFormat
import Foundation
import InfenclaveClient
import Inference
import ModelGraph
import Partitioning
import SealedChannel
import Tensors

/// Serves a model for the duration of a measurement, with temporary keys.
struct ConfidentialTrial {
    let threads: Int
    let runs: Int

    /// Latency from a client's pixels to its result, over HTTP on this machine.
    func measure(
        _ model: LoadedModel, _ precision: PrecisionTable, front: String, mapping: String
    ) async throws -> Timing {
        try await inTemporaryFolder { folder in
            func file(_ name: String) -> String { folder.appending(path: name).path }
            let classes = model.graph.type(of: model.graph.outputs[0]).shape.elementCount
            let recipe = BundleRecipe(
                modelName: model.name, graph: model.graph, front: front, mapping: mapping,
                classNames: (0..<classes).map { "class \($0)" }, preprocessing: try preprocessing(of: model),
                precision: precision)
            let (modelKey, ownerKey) = (ModelKey.random(), OwnerSigningKey.random())
            try modelKey.write(to: file("model.key"))
            try ownerKey.write(to: file("owner.key"))
            try BundleWriter(recipe: recipe, modelKey: modelKey, ownerKey: ownerKey).write(
                to: file("model.infenclave"))
            return try await measure(
                bundle: file("model.infenclave"), modelKey: file("model.key"), ownerKey: file("owner.key"))
        }
    }

    /// The same for an existing bundle.
    func measure(bundle: String, modelKey: String, ownerKey: String) async throws -> Timing {
        try await inTemporaryFolder { folder in
            func file(_ name: String) -> String { folder.appending(path: name).path }
            let developmentKey = ["--development-key", file("development.key")]
            let server = try ServerProcess(
                arguments: [
                    "serve", bundle, "--tee", "development", "--listen", "127.0.0.1:0", "--admin-listen", "none",
                    "--threads", "\(threads)",
                ] + developmentKey)
            defer { server.stop() }
            _ = try await OwnProgram.run(
                ["policy", bundle, "--tee", "development", "--out", file("policy.json")] + developmentKey)
            let policy = try Policy(json: [UInt8](try InputFile.read(file("policy.json"))))
            let client = try InfenclaveClient(server: server.url, policy: policy, development: .dangerouslyAccept)
            let token = AccessToken.random()
            let quota = ClientGrant(token: token.digest, requests: .max, requestsPerMinute: .max)
            try await client.attest().provision(
                modelKey: try ModelKey(contentsOf: modelKey), ownerKey: try OwnerSigningKey(contentsOf: ownerKey),
                clients: [quota], terms: ServiceTerms(sequence: 1))
            let session = try await client.attest()
            let tensor = try Self.pixels(session.manifest.input.preprocessing)
            return try await Timing.measure(runs: runs) { _ = try await session.classify(tensor, token: token) }
        }
    }

    /// An image in which all pixel values occur.
    private static func pixels(_ preprocessing: Preprocessing) throws -> Tensor {
        let shape = try Shape([1, preprocessing.height, preprocessing.width, preprocessing.channels.count])
        return try InputMemory.tensor(TensorType(.uint8, shape)) { bytes in
            for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index) }
        }
    }

    /// Runs `body` with a temporary folder that only this user can read.
    private func inTemporaryFolder<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "infenclave-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(at: folder) }
        return try await body(folder)
    }

    /// Any preprocessing that gives the model's shape, since the measurement sends tensors.
    private func preprocessing(of model: LoadedModel) throws -> Preprocessing {
        let shape = try model.imageInput().type.shape
        let channels: Preprocessing.Channels = shape[1] == 1 ? .grey : .rgb
        guard shape[1] == channels.count else {
            throw CommandFailure("model", "\(model.path) takes \(shape[1]) channels, expected 1 or 3")
        }
        return try Preprocessing(
            width: shape[3], height: shape[2], channels: channels, resize: .stretch, interpolation: .bilinear,
            mean: [Float](repeating: 0, count: channels.count), std: [Float](repeating: 1, count: channels.count))
    }
}
