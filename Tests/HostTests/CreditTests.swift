// SPDX-License-Identifier: Apache-2.0
import Foundation
import HostCore
import Testing

/// A program that exchanges frames like an enclave with one credit, and prints the messages that it receives. It holds
/// a first inference until it gets a status request while a file RELEASE exists.
private let slowEnclave =
    ScriptedEnclave.framing + """
        def note(*words): print(*words, file=sys.stderr, flush=True)
        held = None
        while True:
            _, _, kind, _, request, count = struct.unpack("<4sHBBQQ", take(24))
            payload = take(count)
            if kind == 1: say(129, request, struct.pack("<HI", 3, 11) + b"development" + struct.pack("<I", 1))
            elif kind in (2, 3, 12): say(130, request)
            elif kind == 6:
                note("infer", payload[0])
                if payload[0] == 1: held = request
                else: say(134, request, payload)
            elif kind == 9:
                note("cancel")
                say(135, request, struct.pack("<H", 54))
            elif kind == 10:
                if held is not None and os.path.exists("RELEASE"):
                    note("boundary")
                    say(133, held, struct.pack("<I", 0))
                    held = None
                say(136, request, struct.pack("<BIIIQQQQ", 3, 1, 0, 1, 0, 0, 0, 0))
        """

@Suite("Request credits of an enclave", .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/python3")))
final class CreditTests {
    /// The file at which the first inference goes on.
    private let release = FileManager.default.temporaryDirectory.appending(path: "release-\(UUID().uuidString)").path

    deinit { try? FileManager.default.removeItem(atPath: release) }

    private func enclave() throws -> ScriptedEnclave {
        // Other tests may hold the threads that it is started on.
        try ScriptedEnclave(
            slowEnclave.replacing("RELEASE", with: release), executable: "/usr/bin/python3",
            startTimeout: .seconds(600))
    }

    private func letGo() throws { try Data().write(to: URL(filePath: release)) }

    /// Releases it after a minute, so that a host that waits for the enclave fails a test instead of hanging.
    private static func releasing(_ path: String) -> Task<Void, Never> {
        Task.detached {
            try? await Task.sleep(for: .seconds(60))
            if !Task.isCancelled { _ = FileManager.default.createFile(atPath: path, contents: nil) }
        }
    }

    /// The program's output.
    private func said(_ enclave: ScriptedEnclave) -> [String] {
        enclave.lines.all.compactMap { line in
            line.split(separator: "the enclave says: ", maxSplits: 1).last.map(String.init)
        }.filter { line in ["infer", "cancel", "boundary"].contains { line.hasPrefix($0) } }
    }

    private func wait(for line: String, _ enclave: ScriptedEnclave) async throws {
        let end = ContinuousClock.now + .seconds(3600)
        while !said(enclave).contains(line) {
            try #require(ContinuousClock.now < end, "never said: \(line)")
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    @Test(
        "The credit of an abandoned request returns with the enclave's answer, and only then is the request cancelled"
    )
    func abandoned() async throws {
        let enclave = try enclave()
        try await enclave.host.start()
        let leaving = Task { try await enclave.host.answer([1]) }
        try await wait(for: "infer 1", enclave)
        leaving.cancel()
        let releasing = Self.releasing(release)
        await #expect(throws: HostError.self) { try await leaving.value }
        releasing.cancel()
        #expect(!said(enclave).contains("boundary"), "its client waited for the enclave")
        try letGo()
        #expect(try await enclave.host.answer([2]) == [2])
        try await wait(for: "cancel", enclave)
        // If the credit returned earlier, the enclave would refuse the second request.
        #expect(said(enclave).filter { $0 != "cancel" } == ["infer 1", "boundary", "infer 2"])
        await enclave.host.stop()
    }

    @Test("A request waiting for a credit is dropped when its client disconnects, and the enclave never receives it")
    func waiting() async throws {
        let enclave = try enclave()
        try await enclave.host.start()
        let first = Task { try await enclave.host.answer([1]) }
        try await wait(for: "infer 1", enclave)
        let leaving = Task { try await enclave.host.answer([3]) }
        try await Task.sleep(for: .milliseconds(50))
        leaving.cancel()
        let releasing = Self.releasing(release)
        await #expect(throws: HostError.self) { try await leaving.value }
        releasing.cancel()
        #expect(!said(enclave).contains("boundary"), "its client waited for the enclave")
        try letGo()
        #expect(try await enclave.host.answer([2]) == [2])
        #expect(!said(enclave).contains("infer 3"))
        first.cancel()
        await enclave.host.stop()
    }

    @Test("A caller waiting for a credit gets an error when the process ends")
    func ended() async throws {
        let enclave = try enclave()
        try await enclave.host.start()
        let tasks = (0..<5).map { _ in Task { try await enclave.host.answer([1]) } }
        try await wait(for: "infer 1", enclave)
        await enclave.host.stop()
        for task in tasks { await #expect(throws: HostError.self) { try await task.value } }
    }
}
