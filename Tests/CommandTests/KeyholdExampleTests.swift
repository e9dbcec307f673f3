// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Testing

/// The unit and the container of `Examples` run `infenclave keyhold` in a folder whose files they name.
@Suite("The examples of keyhold", .serialized)
struct KeyholdExampleTests {
    private static func example(_ name: String) throws -> String {
        let examples = URL(filePath: Demo.folder).deletingLastPathComponent()
        return try String(contentsOf: examples.appending(path: name), encoding: .utf8)
    }

    /// The lines of a Dockerfile's or unit's instructions, with continued ones joined and without comments.
    private static func instructions(_ name: String) throws -> [String] {
        try example(name).replacing("\\\n", with: " ").split(separator: "\n").map(String.init)
            .filter { !$0.hasPrefix("#") }
    }

    /// The arguments behind the program's name in the unit's `ExecStart`.
    private static func unitArguments() throws -> [String] {
        let line = try #require(instructions("systemd/infenclave-keyhold.service").first { $0.hasPrefix("ExecStart=") })
        let words = line.dropFirst("ExecStart=".count).split(separator: " ").map(String.init)
        #expect(words.first == "/usr/local/bin/infenclave")
        return Array(words.dropFirst())
    }

    /// Those of the image's entry point, with what the page's `docker run` adds.
    private static func containerArguments() throws -> [String] {
        let name = "container/keyhold.Dockerfile"
        let line = try #require(instructions(name).first { $0.hasPrefix("ENTRYPOINT ") })
        let words = try JSONDecoder().decode([String].self, from: Data(line.dropFirst("ENTRYPOINT ".count).utf8))
        #expect(words.first == "infenclave")
        let added = try #require(
            example(name).split(separator: "\n").first { $0.contains("--server") && $0.hasPrefix("#") })
        return words.dropFirst() + added.dropFirst().split(separator: " ").map(String.init)
    }

    /// Runs the arguments in a folder as the example lays it out, until the server serves.
    private func expectProvisioning(_ arguments: [String]) throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let folder = deployment.folder
        let own = try folder.makeFolder("keyhold")
        try FileManager.default.createDirectory(atPath: own + "/clients", withIntermediateDirectories: true)
        try succeed(["keyhold", "sign", "--policy", deployment.policy, "--owner-key", deployment.ownerKey], in: folder)
        for (file, name) in [
            (deployment.policy, "policy.json"), (deployment.policy + ".sig", "policy.json.sig"),
            (deployment.modelKey, "model.key"), (deployment.ownerKey, "owner.key"),
            (deployment.token, "clients/alice.token"),
        ] {
            try FileManager.default.copyItem(atPath: file, toPath: "\(own)/\(name)")
        }
        let server = try Server(deployment)
        let place = try #require(arguments.firstIndex(of: "--server"))
        #expect(arguments[place + 1] == "https://server.example:8443")
        var arguments = arguments
        arguments[place + 1] = server.url
        let keyholder = try Program(
            ["-C", own, Program.products + "/infenclave"] + arguments
                + ["--tee", "development", "--interval", "0.1"],
            in: folder, executable: "/usr/bin/env")
        try keyholder.wait(until: "service") { try server.state() == "ready" }
        kill(keyholder.identifier, SIGTERM)
        _ = try keyholder.wait()
        let verified = try succeed(["keyhold", "verify", "--log", own + "/keyhold.log", "--json"], in: folder)
        #expect(((verified.json as? [String: Any])?["events"] as? [String: Int])?["release"] == 1)
    }

    @Test("The example unit's command provisions a server from the files that the unit names")
    func unit() throws { try expectProvisioning(Self.unitArguments()) }

    @Test("The example container's command provisions a server from the files in its folder")
    func container() throws { try expectProvisioning(Self.containerArguments()) }

    @Test(
        "systemd accepts the example unit, which opens no port",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-analyze"), "there is no systemd"))
    func unitFile() throws {
        let folder = try TemporaryFolder()
        let name = "infenclave-keyhold.service"
        let text = try Self.example("systemd/\(name)").replacing(
            "/usr/local/bin/infenclave", with: Program.products + "/infenclave")
        let copy = try folder.write(text, to: name)
        let outcome = try Program(["verify", copy], in: folder, executable: "/usr/bin/systemd-analyze").wait()
        #expect(outcome.status == 0 && !outcome.errors.contains(name), "\(outcome.errors)")
        let lines = text.split(separator: "\n")
        #expect(lines.contains("SocketBindDeny=any") && lines.contains("Restart=always"))
    }

    @Test("The container's build step copies the program and every library that it loads")
    func containerFile() throws {
        let folder = try TemporaryFolder()
        let image = try folder.makeFolder("image")
        let step = try #require(
            Self.instructions("container/keyhold.Dockerfile").first { $0.hasPrefix("RUN ") && $0.contains("ldd") })
        let command = String(step.dropFirst("RUN ".count)).replacing("/image", with: image)
            .replacing(".build/release/infenclave", with: Program.products + "/infenclave")
        let built = try Program(["-c", command], in: folder, executable: "/bin/sh").wait()
        try #require(built.status == 0, "\(built.errors)")
        #expect(FileManager.default.isExecutableFile(atPath: image + "/usr/local/bin/infenclave"))
        let libraries = try Program([Program.products + "/infenclave"], in: folder, executable: "/usr/bin/ldd").wait()
            .output.matches(of: #/=> (/\S+) /#).map { String($0.1) }
        #expect(libraries.count > 5)
        for library in libraries {
            // In the folder itself, not in a symbolic link to it such as /lib.
            let url = URL(filePath: library)
            let folder = url.deletingLastPathComponent().resolvingSymlinksInPath().path
            #expect(
                try bytes(of: library) == bytes(of: image + folder + "/" + url.lastPathComponent), "\(library)")
        }
        let port = try Self.instructions("container/keyhold.Dockerfile").contains { $0.hasPrefix("EXPOSE") }
        #expect(!port)
    }
}
