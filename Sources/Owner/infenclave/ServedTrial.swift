// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A trial in the development TEE: partition a model, serve it, attest, provision, classify. Every command is printed
/// and run.
struct ServedTrial {
    let model: String
    /// Options of `partition` for reading the model and its images.
    var reading: [String] = []
    /// HOST:PORT; port 0 for any free port.
    var listen = "127.0.0.1:0"
    let labels: String
    let ownerKey: String
    let token: String
    /// The path of a file in the trial's folder, as a user would type it.
    let file: (String) -> String

    /// - Parameters:
    ///   - cuts: The options of `partition` for the cuts.
    ///   - name: The prefix of the trial's file names.
    ///   - pictures: Images that a client classifies; may be empty.
    ///   - more: Called while the model is served, with the server and the policy's path.
    func serve(
        _ cuts: [String], named name: String, pictures: [String],
        _ more: (_ server: ServerProcess, _ policy: String) async throws -> Void
    ) async throws {
        let (bundle, key, policy) = (file("\(name).infenclave"), file("\(name).key"), file("\(name)-policy.json"))
        try await Self.run(
            ["partition", model] + reading + cuts + [
                "--labels", labels, "--out", bundle, "--key-out", key, "--owner-key", ownerKey,
            ])
        Self.comment("The clients' policy: this owner, this bundle, this build of the enclave.")
        try await Self.run(["policy", bundle, "--tee", "development", "--out", policy])
        Self.comment("Serve the bundle. The host sees ciphertext, and the boundary tensors if there is a cut.")
        let serve = [
            "serve", bundle, "--tee", "development", "--listen", listen, "--admin-listen", "127.0.0.1:0",
        ]
        Self.show(serve)
        let server = try ServerProcess(arguments: serve)
        defer { server.stop() }
        Self.say("serving at \(server.url)\n")
        let target = ["--server", server.url, "--policy", policy, "--tee", "development"]
        Self.comment("Attest the enclave.")
        try await Self.run(["attest"] + target)
        Self.comment("The owner attests the enclave as well, and gives it the model key.")
        try await Self.run(
            ["provision"] + target + ["--key", key, "--owner-key", ownerKey, "--client-token", token])
        if !pictures.isEmpty {
            Self.comment("A client classifies.")
            try await Self.run(["classify"] + target + ["--token", token, "--top", "3"] + pictures)
        }
        try await more(server, policy)
    }

    /// A cut that an assessment found within its gates.
    struct PassingCut {
        let front: String
        let mapping: String
        /// Per image, to the BackNet and back from it.
        let bytesOut: Int
        let bytesBack: Int
        /// Whether the assessment recommends a cut; otherwise none saves enough over everything inside.
        let isWorthwhile: Bool
    }

    /// The first cut that an assessment found within its gates; `nil` if there is none.
    static func cut(of assessment: String) throws -> PassingCut? {
        struct Content: Decodable {
            struct Tensor: Decodable { let bytes: Int }
            struct Cut: Decodable {
                let name: String
                let crossing: [Tensor]
            }
            struct Recommendation: Decodable { let everythingInside: Bool }
            struct Plan: Decodable {
                let front: String
                let mapping: String
                let passesGates: Bool
                let everythingInside: Bool
                let boundaryBytes: Int
            }
            let cuts: [Cut]
            let plans: [Plan]
            let recommendation: Recommendation
        }
        let content = try JSONDecoder().decode(Content.self, from: Data(try InputFile.read(assessment)))
        guard let plan = content.plans.first(where: { $0.passesGates && !$0.everythingInside }) else { return nil }
        let crossing = content.cuts.first { $0.name == plan.front }?.crossing ?? []
        let bytesOut = crossing.reduce(0) { $0 + $1.bytes }
        return PassingCut(
            front: plan.front, mapping: plan.mapping, bytesOut: bytesOut, bytesBack: plan.boundaryBytes - bytesOut,
            isWorthwhile: !content.recommendation.everythingInside)
    }

    static func run(_ arguments: [String]) async throws {
        show(arguments)
        say(try await OwnProgram.run(arguments))
    }

    static func show(_ arguments: [String]) { say("$ infenclave \(arguments.map(quoted).joined(separator: " "))") }

    /// Quoted for a shell.
    private static func quoted(_ word: String) -> String {
        let plain = word.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "/._-:=,+@%".utf8.contains(byte)
            }
        }
        return plain && !word.isEmpty ? word : "'\(word.replacing("'", with: #"'\''"#))'"
    }

    private static func comment(_ text: String) { say("# \(text)") }

    /// Prints lines without buffering, since the next step takes long.
    private static func say(_ lines: String) {
        printLines(lines)
        fflush(nil)
    }
}
