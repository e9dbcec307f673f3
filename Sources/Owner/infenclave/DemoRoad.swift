import Foundation

/// One way through the demo: partition the model, serve it, attest, provision, classify. Every command is shown and run.
struct DemoRoad {
    let model: String
    let labels: String
    let ownerKey: String
    let token: String
    /// A file of the demo's folder, as the reader would type it.
    let file: (String) -> String

    /// - Parameters:
    ///   - cuts: The options of `partition` that say where to cut.
    ///   - name: What the road's files begin with.
    ///   - more: Called while it serves, with the server's address and the policy's path.
    func serve(
        _ cuts: [String], named name: String, pictures: [String],
        _ more: (_ server: String, _ policy: String) async throws -> Void
    ) async throws {
        let (bundle, key, policy) = (file("\(name).infenclave"), file("\(name).key"), file("\(name)-policy.json"))
        try await Self.run(
            ["partition", model] + cuts + [
                "--labels", labels, "--out", bundle, "--key-out", key, "--owner-key", ownerKey,
            ])
        Self.comment("What clients will demand: this owner, this bundle, this enclave.")
        try await Self.run(["policy", bundle, "--tee", "development", "--out", policy])
        Self.comment("Serve it. The host sees ciphertext, and what crosses the cut where there is one.")
        let serve = [
            "serve", bundle, "--tee", "development", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
        ]
        Self.show(serve)
        let server = try ServerProcess(arguments: serve)
        defer { server.stop() }
        print("serving at \(server.url)\n")
        let target = ["--server", server.url, "--policy", policy, "--tee", "development"]
        Self.comment("Whom are we talking to?")
        try await Self.run(["attest"] + target)
        Self.comment("The owner hands the model key to the enclave that was just verified, and to nobody else.")
        try await Self.run(
            ["provision"] + target + ["--key", key, "--owner-key", ownerKey, "--client-token", token])
        Self.comment("A client classifies.")
        try await Self.run(["classify"] + target + ["--token", token, "--top", "3"] + pictures)
        try await more(server.url, policy)
    }

    /// The first cut that an assessment found within its gates; `nil` where there is none.
    static func cut(of assessment: String) throws -> (front: String, mapping: String, boundaryBytes: Int)? {
        struct Content: Decodable {
            struct Plan: Decodable {
                let front: String
                let mapping: String
                let passesGates: Bool
                let everythingInside: Bool
                let boundaryBytes: Int
            }
            let plans: [Plan]
        }
        let content = try JSONDecoder().decode(Content.self, from: Data(try InputFile.read(assessment)))
        return content.plans.first { $0.passesGates && !$0.everythingInside }
            .map { ($0.front, $0.mapping, $0.boundaryBytes) }
    }

    static func run(_ arguments: [String]) async throws {
        show(arguments)
        print(try await OwnProgram.run(arguments))
    }

    static func show(_ arguments: [String]) {
        let quoted = arguments.map { $0.contains(" ") ? "'\($0)'" : $0 }
        print("$ infenclave \(quoted.joined(separator: " "))")
    }

    private static func comment(_ text: String) { print("# \(text)") }
}
