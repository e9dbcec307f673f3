// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import SealedChannel
import Synchronization
import Tensors
import TestSupport
import Testing

/// The secrets of one deployment and one input, which only the enclave may see.
private struct Secrets {
    let deployment: Deployment
    let names: [String]
    /// The same picture as u8 pixels and as the f32 tensor.
    let pixels: Tensor
    let values: Tensor

    init(in folder: TemporaryFolder) throws {
        var generator = SystemRandomNumberGenerator()
        // Names that nothing else on this machine holds.
        names = (0..<10).map {
            "class-\($0)-" + String(generator.next(), radix: 36) + String(generator.next(), radix: 36)
        }
        let labels = try folder.write(names.joined(separator: "\n"), to: "labels.txt")
        deployment = try Deployment(labels: labels, options: ["--allow-f32"], in: folder)
        let noise = (0..<64 * 64 * 3).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        pixels = try Tensor(noise, shape: [1, 64, 64, 3])
        // The demo's preprocessing: (pixel - 128) / 64, channels first.
        let planes = (0..<3).flatMap { channel in
            stride(from: channel, to: noise.count, by: 3).map { (Float(noise[$0]) - 128) / 64 }
        }
        values = try Tensor(planes, shape: [1, 3, 64, 64])
        try folder.write(pixels.npyBytes(), to: "pixels.npy")
        try folder.write(values.npyBytes(), to: "values.npy")
    }

    /// The base64 text and the 32 bytes of a key file.
    private static func secret(_ path: String, _ name: String) throws -> [MemoryScan.Sought] {
        let line = String(decoding: try bytes(of: path), as: UTF8.self).trimmingCharacters(in: .newlines)
        guard let text = line.split(separator: ":").last, let raw = Data(base64Encoded: String(text)), raw.count == 32
        else { throw Unexpected("\(path) is no key file") }
        return [.init("\(name) in base64", Array(text.utf8)), .init(name, Array(raw))]
    }

    func sought() throws -> [MemoryScan.Sought] {
        try names.map { .init("the class name \($0)", Array($0.utf8)) }
            + Self.secret(deployment.token, "the client's token") + Self.secret(deployment.modelKey, "the model key")
            + Self.secret(deployment.ownerKey, "the owner's key")
            + [
                .init("64 bytes of pixels", pixels.withBytes { Array($0) }, run: 64),
                .init("64 bytes of the f32 input", values.withBytes { Array($0) }, run: 64),
            ]
    }

    func classify(_ url: String) throws -> [[ClassProbability]] {
        let folder = deployment.folder
        return try deployment.classify(url, [folder.file("pixels.npy"), folder.file("values.npy")])
    }
}

@Suite("Secrets in the host's memory and traffic")
struct SecrecyTests {
    @Test("The host's memory contains no class name, token, key or input, during and after serving")
    func memory() throws {
        let folder = try TemporaryFolder()
        let secrets = try Secrets(in: folder)
        let server = try Server(provisioned: secrets.deployment)
        let scan = MemoryScan(try secrets.sought())

        let load = try Program(
            secrets.deployment.classifyArguments(
                server.url, (0..<400).map { folder.file($0 % 2 == 0 ? "pixels.npy" : "values.npy") }), in: folder)
        let before = try server.metric("answers_total")
        try load.wait(until: "first answers") { try server.metric("answers_total") >= before + 5 }
        let during = try scan.found(inProcess: server.program.identifier)
        #expect(during.names.isEmpty)
        #expect(during.bytes > 10 << 20)
        #expect(try load.wait().status == 0)
        #expect(try server.metric("answers_total") >= before + 400)

        let answers = try secrets.classify(server.url)
        #expect(answers.allSatisfy { $0.allSatisfy { secrets.names.contains($0.name) } })
        let after = try scan.found(inProcess: server.program.identifier)
        #expect(after.names.isEmpty)

        // The same scan finds the data that the host holds while it serves. It does not hold the sealed parts: it reads
        // them from their files for each enclave that starts.
        let held = MemoryScan(
            try ["manifest.json", "manifest.core", "manifest.sig"].map {
                .init($0, try bytes(of: secrets.deployment.bundle + "/" + $0), run: 64)
            })
        #expect(
            try held.found(inProcess: server.program.identifier).names
                == ["manifest.json", "manifest.core", "manifest.sig"])
        _ = try server.stop()
    }

    @Test("The memory scan finds each kind of planted secret at any alignment")
    func positiveControl() throws {
        let folder = try TemporaryFolder()
        let secrets = try Secrets(in: folder)
        let sought = try secrets.sought()
        let scan = MemoryScan(sought)
        for (number, item) in sought.enumerated() {
            let start = (item.bytes.count - item.run) / 2
            var memory = [UInt8](repeating: 0xA5, count: 100_000)
            let place = 50_000 + number % 8
            memory.replaceSubrange(place..<place + item.run, with: item.bytes[start..<start + item.run])
            #expect(scan.found(in: memory) == [item.name])
            // A run shorter by one byte does not count.
            memory[place] ^= 0xFF
            memory[place + item.run] = ~(start + item.run < item.bytes.count ? item.bytes[start + item.run] : 0)
            #expect(scan.found(in: memory).isEmpty)
        }
        // In a process with many mappings: this one, which holds what the scan looks for.
        #expect(try scan.found(inProcess: getpid()).names == Set(sought.map(\.name)))
    }

    @Test("The traffic contains no class name, token, key or input")
    func traffic() throws {
        let folder = try TemporaryFolder()
        let secrets = try Secrets(in: folder)
        let server = try Server(secrets.deployment)
        let proxy = try RecordingProxy(to: server.port)
        try succeed(secrets.deployment.provisionArguments(proxy.url), in: folder)
        let answers = try secrets.classify(proxy.url)
        #expect(answers.count == 2)
        let scan = MemoryScan(try secrets.sought())
        let exchanges = proxy.exchanges
        // Evidence and provisioning, evidence and two requests.
        #expect(exchanges.filter { $0.asks("POST /ohttp ") }.count == 2)
        #expect(exchanges.filter { $0.asks("POST /provision ") }.count == 1)
        for exchange in exchanges {
            #expect(scan.found(in: exchange.toServer).isEmpty)
            #expect(scan.found(in: exchange.toClient).isEmpty)
        }
        // The recording has what passed: the sealed input is as long as the input.
        let largest = exchanges.map(\.toServer.count).max() ?? 0
        #expect(largest > secrets.values.byteCount)
    }

    @Test("Answers of different classes, and refusals, have the same length on the wire")
    func sizes() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        let server = try Server(provisioned: deployment)
        let proxy = try RecordingProxy(to: server.port)
        let answers = try deployment.classify(proxy.url, Demo.clients.map(\.0), top: 1)
        #expect(answers.map { $0[0].name } == Demo.clients.map(\.1))
        try succeed(["keygen", "token", "--out", folder.file("stranger.token")], in: folder)
        let refused = try infenclave(
            ["classify"] + deployment.target(proxy.url) + ["--token", folder.file("stranger.token"), "--json"]
                + [Demo.clients[0].0], in: folder)
        #expect(refused.code == "unknownToken")
        let requests = proxy.exchanges.filter { $0.asks("POST /ohttp ") }
        #expect(requests.count == 4)
        #expect(Set(requests.map(\.toClient.count)).count == 1)
        #expect(Set(requests.map(\.toServer.count)).count == 1)
        #expect(Set(requests.map(\.toClient)).count == 4)
    }
}
