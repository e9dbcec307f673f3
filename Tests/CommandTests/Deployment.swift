// SPDX-License-Identifier: Apache-2.0
import BundleFormat
import Evidence
import Foundation
import SealedChannel
import TestSupport

/// The demo's model, which the repository holds.
enum Demo {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Examples/demo").path
    static let model = folder + "/classifier.onnx"
    static let labels = folder + "/labels.txt"
    static let pictures = folder + "/pictures"
    /// Pictures of three classes, and what they show.
    static let clients = [
        (folder + "/client/stop.png", "Stop"), (folder + "/client/speed-limit-30.png", "Speed limit 30"),
        (folder + "/client/pedestrian-crossing.png", "Pedestrian crossing"),
    ]
    /// A cut in the middle.
    static let cuts = Cuts(front: "stage2.pool", mapping: "logits")
    static let everythingInside = Cuts(front: "prob", mapping: "prob")
}

struct Cuts {
    let front: String
    let mapping: String
}

/// A bundle with its keys and its policy, made by the commands as an owner makes it.
struct Deployment {
    let folder: TemporaryFolder
    let bundle: String
    let policy: String
    let modelKey: String
    let ownerKey: String
    let token: String

    /// - Parameters:
    ///   - name: Of the bundle in the folder.
    ///   - options: More of `partition`.
    init(
        model: String = Demo.model, labels: String = Demo.labels, cuts: Cuts = Demo.cuts, preprocess: String? = nil,
        name: String = "model", options: [String] = [], in folder: TemporaryFolder
    ) throws {
        self.folder = folder
        bundle = folder.file("\(name).infenclave")
        policy = folder.file("\(name).policy.json")
        modelKey = folder.file("\(name).key")
        ownerKey = folder.file("owner.key")
        token = folder.file("client.token")
        if !FileManager.default.fileExists(atPath: ownerKey) {
            try succeed(["keygen", "owner", "--out", ownerKey], in: folder)
            try succeed(["keygen", "token", "--out", token], in: folder)
        }
        try succeed(
            [
                "partition", model, "--front", cuts.front, "--mapping", cuts.mapping, "--labels", labels, "--out",
                bundle, "--key-out", modelKey, "--owner-key", ownerKey,
            ] + (preprocess.map { ["--preprocess", $0] } ?? []) + options, in: folder)
        try succeed(["policy", bundle, "--tee", "development", "--out", policy], in: folder)
    }

    func target(_ url: String) -> [String] { ["--server", url, "--policy", policy, "--tee", "development"] }

    func provisionArguments(_ url: String) -> [String] {
        ["provision"] + target(url) + ["--key", modelKey, "--owner-key", ownerKey, "--client-token", token]
    }

    /// Provisions with a lease that ends within seconds. If other tests delay this one, so that the lease is over before
    /// `condition` holds, a longer lease follows.
    func provisionWithShortLease(_ url: String, until condition: () throws -> Bool) throws {
        for seconds in [3, 30, 300] {
            try succeed(provisionArguments(url) + ["--lease", "\(seconds)s"], in: folder)
            if try condition() { return }
        }
        throw Unexpected("every lease had ended before it was used")
    }

    func classifyArguments(_ url: String, _ images: [String], top: Int = 5) -> [String] {
        ["classify"] + target(url) + ["--token", token, "--top", String(top), "--json"] + images
    }

    /// The classes of each image, best first.
    func classify(_ url: String, _ images: [String], top: Int = 5) throws -> [[ClassProbability]] {
        let outcome = try succeed(classifyArguments(url, images, top: top), in: folder)
        let answers = outcome.jsonLines
        guard answers.count == images.count else { throw Unexpected(outcome.output) }
        return try answers.map { answer in
            guard let results = answer["results"] as? [[String: Any]] else { throw Unexpected(outcome.output) }
            return try results.map(ClassProbability.init)
        }
    }
}

struct ClassProbability {
    let index: Int
    let name: String
    let probability: Double

    init(_ json: [String: Any]) throws {
        guard let index = json["index"] as? Int, let name = json["class"] as? String,
            let probability = json["probability"] as? Double
        else { throw Unexpected("\(json)") }
        (self.index, self.name, self.probability) = (index, name, probability)
    }
}

/// `infenclave serve`, started and listening.
final class Server {
    let program: Program
    let port: Int
    /// Of the listener for operators.
    let adminPort: Int
    var url: String { "http://127.0.0.1:\(port)" }

    /// - Parameters:
    ///   - others: Further bundles.
    ///   - options: More of `serve`.
    ///   - prefix: A shell's words before the program, such as `ulimit -n 64; exec`.
    ///   - environment: Variables beside the test's own.
    ///   - descriptors: What become its descriptors 3, 4 and so on.
    init(
        _ deployment: Deployment, beside others: [Deployment] = [], options: [String] = [], prefix: String? = nil,
        environment: [String: String] = [:], descriptors: [Int32] = []
    ) throws {
        let arguments =
            ["serve", deployment.bundle] + others.map(\.bundle) + [
                "--tee", "development", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--threads", "2",
            ] + options
        program =
            if let prefix {
                try Program(
                    ["-c", "\(prefix) \"$0\" \"$@\"", Program.products + "/infenclave"] + arguments,
                    in: deployment.folder, executable: "/bin/sh", environment: environment, descriptors: descriptors)
            } else {
                try Program(arguments, in: deployment.folder, environment: environment)
            }
        var ports: (port: Int, admin: Int)?
        try program.wait(until: "address") { [program] in
            guard program.isRunning else { throw Unexpected("serve ended: \(program.errors)") }
            func port(_ line: String) -> Int? {
                program.errors.split(separator: "\n").first { $0.contains(line) && $0.contains(" at http://") }?
                    .firstMatch(of: /127\.0\.0\.1:([0-9]+)/).flatMap { Int($0.output.1) }
            }
            guard let admin = port("admin listener"), let port = port("serving") else { return false }
            ports = (port, admin)
            return true
        }
        (port, adminPort) = ports ?? (0, 0)
    }

    /// A server whose enclave has the model key.
    convenience init(
        provisioned deployment: Deployment, options: [String] = [], prefix: String? = nil
    ) throws {
        try self.init(deployment, options: options, prefix: prefix)
        try succeed(deployment.provisionArguments(url), in: deployment.folder)
    }

    /// Ends it with SIGTERM, as an operator does.
    func stop() throws -> Outcome {
        kill(program.identifier, SIGTERM)
        return try program.wait()
    }

    /// Ends it without notice, as the loss of its machine would.
    func lose() throws {
        kill(program.identifier, SIGKILL)
        _ = try program.wait()
    }

    func get(_ path: String) throws -> HTTPAnswer { try HTTPAnswer.to("GET", path, port: port) }

    func post(_ path: String, _ body: [UInt8], type: String = ObliviousRequest.mediaType) throws -> HTTPAnswer {
        try HTTPAnswer.to("POST", path, type: type, body: body, port: port)
    }

    /// Fresh evidence, as a client fetches it.
    func evidence(nonce: [UInt8] = [UInt8](repeating: 7, count: 32)) throws -> EvidenceDocument {
        try EvidenceDocument(json: try get("/.well-known/infenclave/evidence?nonce=\(nonce.hex)").body)
    }

    /// Asks the listener for operators.
    func getAsOperator(_ path: String) throws -> HTTPAnswer { try HTTPAnswer.to("GET", path, port: adminPort) }

    /// A value of `/metrics`, of the first model where each has one.
    ///
    /// - Parameter name: With labels, if it has any beside the model's.
    func metric(_ name: String) throws -> Double {
        let text = String(decoding: try getAsOperator("/metrics").body, as: UTF8.self)
        let lines = text.split(separator: "\n").map { line in
            line.replacing(/{model="[^"]*"}/, with: "").replacing(/model="[^"]*",/, with: "")
        }
        guard
            let value = lines.first(where: { $0.hasPrefix("infenclave_\(name) ") })?.split(separator: " ").last
                .flatMap({ Double($0) })
        else { throw Unexpected("no \(name) in \(text)") }
        return value
    }

    func state(of model: String? = nil) throws -> String? {
        try getAsOperator((model.map { "/models/\($0)" } ?? "") + "/health/ready").json?["state"] as? String
    }
}
