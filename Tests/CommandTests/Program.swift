// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// A preparatory step of a test failed.
struct Unexpected: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// How a program ended.
struct Outcome {
    /// The exit code, or 128 and the signal.
    let status: Int
    let output: String
    let errors: String

    var json: Any? { try? JSONSerialization.jsonObject(with: Data(output.utf8)) }
    /// One object a line.
    var jsonLines: [[String: Any]] {
        output.split(separator: "\n").compactMap {
            (try? JSONSerialization.jsonObject(with: Data($0.utf8))) as? [String: Any]
        }
    }
    var errorLines: [Substring] { errors.split(separator: "\n", omittingEmptySubsequences: true) }

    /// The `code` of a failure in JSON.
    var code: String? { ((json as? [String: Any])?["error"] as? [String: Any])?["code"] as? String }
}

/// A running process of one of the built executables. Its output goes to files, because a pipe that another child
/// inherited could block a reader.
final class Program {
    let identifier: pid_t
    private let outputFile: String
    private let errorFile: String
    private var status: Int?

    /// The folder of this test bundle and of the executables beside it.
    static let products = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path

    /// - Parameters:
    ///   - folder: Where its output goes, and the state that it keeps.
    ///   - executable: One of ours, or a path.
    ///   - environment: Variables beside the test's own.
    ///   - prefix: Arguments before the others.
    ///   - descriptors: What become its descriptors 3, 4 and so on.
    init(
        _ arguments: [String], in folder: TemporaryFolder, executable: String = "infenclave",
        environment additional: [String: String] = [:], prefix: [String] = [],
        descriptors: [Int32] = []
    ) throws {
        let own = try folder.makeFolder("programs") + "/" + UUID().uuidString
        (outputFile, errorFile) = (own + ".out", own + ".err")
        let path = executable.hasPrefix("/") ? executable : Self.products + "/" + executable
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, outputFile, O_WRONLY | O_CREAT, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errorFile, O_WRONLY | O_CREAT, 0o600)
        // Out of the way of one another first.
        let moved = descriptors.map { fcntl($0, F_DUPFD_CLOEXEC, 64) }
        defer { for descriptor in moved { close(descriptor) } }
        for (index, descriptor) in moved.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(3 + index))
        }
        // Other tests of this process open descriptors at any moment, which the program must not inherit.
        guard let closeOthers = Self.closeOthers, closeOthers(&actions, Int32(3 + moved.count)) == 0 else {
            throw Unexpected("descriptors cannot be kept from a program")
        }
        var variables = ProcessInfo.processInfo.environment.merging(additional) { $1 }
        variables["XDG_STATE_HOME"] = folder.file("programs")
        var argv: [UnsafeMutablePointer<CChar>?] = ([path] + prefix + arguments).map { strdup($0 as String) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0)=\($1)" as String) } + [nil]
        defer { for text in argv + environment { free(text) } }
        var identifier: pid_t = 0
        let code = posix_spawn(&identifier, path, &actions, nil, &argv, &environment)
        guard code == 0 else { throw Unexpected("\(path) cannot be started: \(String(cString: strerror(code)))") }
        self.identifier = identifier
    }

    deinit {
        guard status == nil else { return }
        kill(identifier, SIGKILL)
        waitpid(identifier, nil, 0)
    }

    /// Whether it still runs.
    var isRunning: Bool {
        guard status == nil else { return false }
        var raw: Int32 = 0
        guard waitpid(identifier, &raw, WNOHANG) == identifier else { return true }
        status = Int(raw & 0x7F == 0 ? (raw >> 8) & 0xFF : 128 + (raw & 0x7F))
        return false
    }

    /// The time limit, generous enough for a busy machine.
    private static let patience = Duration.seconds(900)

    /// Waits for its end.
    ///
    /// - Throws: ``Unexpected`` when it hangs; the program is killed with the object.
    func wait() throws -> Outcome {
        try wait(until: "end of the program") { !isRunning }
        return Outcome(status: status ?? -1, output: output, errors: errors)
    }

    /// Waits for something.
    ///
    /// - Throws: ``Unexpected`` if it does not happen in time.
    func wait(until what: String, _ condition: () throws -> Bool) throws {
        let end = ContinuousClock.now + Self.patience
        while try !condition() {
            guard ContinuousClock.now < end else { throw Unexpected("no \(what) came; it said: \(errors)") }
            usleep(5_000)
        }
    }

    /// What it printed so far.
    var output: String { Self.text(outputFile) }

    /// What it said on stderr so far.
    var errors: String { Self.text(errorFile) }

    /// Its children.
    var children: [pid_t] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { pid_t($0) }.filter { Self.parent(of: $0) == identifier }
    }

    /// Processor time that a process took so far, in steps of 10 ms.
    static func processorMilliseconds(of process: pid_t) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        // The state is the first of the fields after the name; user and system time are the 12th and the 13th.
        let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ").dropFirst()
        let ticks = fields.dropFirst(11).prefix(2).compactMap { Int($0) }
        guard ticks.count == 2 else { throw Unexpected("no times of process \(process)") }
        return ticks.reduce(0, +) * 1000 / Int(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// `posix_spawn_file_actions_addclosefrom_np`, which Glibc's module does not have: closes all from a number on.
    private static let closeOthers: CloseOthers? = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np").map {
        unsafeBitCast($0, to: CloseOthers.self)
    }
    private typealias CloseOthers =
        @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32

    private static func parent(of process: pid_t) -> pid_t? {
        // The name in brackets may hold blanks and brackets; state and parent follow the last bracket.
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let name = text.lastIndex(of: ")")
        else { return nil }
        return text[text.index(after: name)...].split(separator: " ").dropFirst().first.flatMap { pid_t($0) }
    }

    private static func text(_ file: String) -> String {
        String(decoding: (try? Data(contentsOf: URL(filePath: file))) ?? Data(), as: UTF8.self)
    }
}

/// Runs a command of `infenclave` to its end.
func infenclave(_ arguments: [String], in folder: TemporaryFolder) throws -> Outcome {
    try Program(arguments, in: folder).wait()
}

/// Runs a command that must succeed.
@discardableResult
func succeed(_ arguments: [String], in folder: TemporaryFolder) throws -> Outcome {
    let outcome = try infenclave(arguments, in: folder)
    guard outcome.status == 0 else {
        throw Unexpected(
            "\(arguments.joined(separator: " ")): exit \(outcome.status): \(outcome.errors)\(outcome.output)")
    }
    return outcome
}
