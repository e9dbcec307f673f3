// SPDX-License-Identifier: Apache-2.0
import FrameStream
import Glibc
import Wire

/// The real executable as a child process, with its socket.
final class EnclaveProcess {
    let socket: HostStream
    let identifier: pid_t
    private var status: Int32?

    static var executable: String {
        var path = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &path, path.count - 1)
        let tests = String(decoding: path.prefix(max(count, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return tests.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/infenclave-enclave"
    }

    init(_ arguments: [String]) throws {
        let (socket, descriptor) = try HostStream.pair()
        self.socket = socket
        identifier = try Self.spawn(arguments, descriptor: descriptor)
        close(descriptor)
    }

    private static func spawn(_ arguments: [String], descriptor: Int32) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, descriptor, 3)
        var argv: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        var identifier: pid_t = 0
        let code = posix_spawn(&identifier, executable, &actions, nil, &argv, environ)
        guard code == 0 else { throw Unexpected("'\(executable)' cannot be started: errno \(code)") }
        return identifier
    }

    /// Waits for the process to end, for at most an hour.
    ///
    /// - Returns: The exit code, or 128 and the signal.
    func wait() throws -> Int32 {
        if let status { return status }
        for _ in 0..<360_000 {
            var status: Int32 = 0
            if waitpid(identifier, &status, WNOHANG) == identifier {
                let code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
                self.status = code
                return code
            }
            usleep(10_000)
        }
        throw Unexpected("the enclave process goes on")
    }

    func send(_ message: HostMessage, requestID: UInt64 = 1) throws -> EnclaveMessage {
        try socket.write(message, requestID: requestID)
        guard case .frame(let frame)? = try socket.read(), frame.requestID == requestID else {
            throw Unexpected("no frame")
        }
        return frame.message
    }

    deinit {
        socket.close()
        if status == nil {
            kill(identifier, SIGKILL)
            waitpid(identifier, nil, 0)
        }
    }
}
