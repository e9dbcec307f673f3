import CSpawn
import FrameSocket
import Glibc
import Inference
import Synchronization
import Wire

/// A running enclave executable, joined by a socket that is its file descriptor 3.
final class EnclaveProcess: Sendable {
    let socket: HostSocket
    private let processID: pid_t
    private let hasEnded = Mutex(false)

    /// Starts the executable.
    ///
    /// - Parameters:
    ///   - executable: Absolute path.
    ///   - arguments: Without the executable's own name.
    /// - Throws: ``HostError`` when it cannot be started.
    init(executable: String, arguments: [String]) throws(HostError) {
        let enclaveDescriptor: Int32
        do throws(WireError) { (socket, enclaveDescriptor) = try HostSocket.pair() } catch {
            throw HostError(.enclaveUnavailable, error.message)
        }
        defer { _ = close(enclaveDescriptor) }

        // Out of the way of the descriptors that the enclave starts with.
        let moved = fcntl(enclaveDescriptor, F_DUPFD_CLOEXEC, 4)
        guard moved >= 4 else {
            throw HostError(.enclaveUnavailable, "no file descriptor is left for the enclave's socket")
        }
        defer { _ = close(moved) }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, 2, 1)
        posix_spawn_file_actions_adddup2(&actions, moved, 3)
        // The listening socket and the clients' connections are not for the enclave.
        guard cspawn_close_from(&actions, 4) == 0 else {
            throw HostError(.enclaveUnavailable, "the enclave's descriptors cannot be prepared")
        }

        // Signals for the host's terminal are not for the enclave: the host ends it in order.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var defaults = sigset_t()
        sigfillset(&defaults)
        var mask = sigset_t()
        sigemptyset(&mask)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setsigmask(&attributes, &mask)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))

        var argv: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0 as String) } + [nil]
        defer { for argument in argv { free(argument) } }
        // Nothing of the host's environment may steer the enclave's libraries. Its threads wait as
        // the host's do unless told otherwise.
        var environment: [UnsafeMutablePointer<CChar>?] =
            [OpenMPEnvironment.variable, "LANG=C", "SWIFT_BACKTRACE=enable=no"].map { strdup($0 as String) } + [nil]
        defer { for variable in environment { free(variable) } }

        var processID: pid_t = 0
        let status = posix_spawn(&processID, executable, &actions, &attributes, &argv, &environment)
        guard status == 0 else {
            throw HostError(
                .enclaveUnavailable, "the enclave \(executable) cannot be started: \(String(cString: strerror(status)))"
            )
        }
        self.processID = processID
    }

    deinit {
        socket.close()
        end()
    }

    /// Asks the process to end by closing its socket, and kills it when it has not within a second.
    func end() {
        socket.close()
        hasEnded.withLock { ended in
            guard !ended else { return }
            var status: Int32 = 0
            for _ in 0..<100 {
                if waitpid(processID, &status, WNOHANG) != 0 {
                    ended = true
                    return
                }
                usleep(10_000)
            }
            kill(processID, SIGKILL)
            while waitpid(processID, &status, 0) == -1, errno == EINTR {}
            ended = true
        }
    }
}
