// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Glibc
import HostCore
import Synchronization

/// Handles signals whose default action ends the process, and with it the enclave, which only its owner can provision
/// again.
///
/// SIGUSR1 and SIGUSR2 write the state to the log. SIGHUP means that the terminal is closed: a server with a terminal
/// shuts down; one without reads its configuration again. SIGPIPE is ignored, because the log's reader may exit.
final class OperatorSignals: Sendable {
    private let sources: Mutex<[any DispatchSourceSignal]>

    /// - Parameters:
    ///   - onReport: Called with the signal's name.
    ///   - onHangup: Called when the terminal is closed.
    ///   - onReload: Called when the configuration is to be read again.
    init(
        log: OperatorLog, onReport: @escaping @Sendable (String) -> Void, onHangup: @escaping @Sendable () -> Void,
        onReload: @escaping @Sendable () -> Void
    ) {
        signal(SIGPIPE, SIG_IGN)
        func source(_ number: Int32, _ handler: @escaping @Sendable () -> Void) -> (any DispatchSourceSignal)? {
            // nohup(1) ignores SIGHUP deliberately.
            if number == SIGHUP, Self.hangupWasIgnored { return nil }
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler(handler: handler)
            source.resume()
            return source
        }
        let installed = [
            source(SIGUSR1) { onReport("SIGUSR1") }, source(SIGUSR2) { onReport("SIGUSR2") },
            source(SIGHUP) {
                if Self.hasTerminal {
                    log.write(LogLine(.info, "SIGHUP: the terminal is gone, stopping"))
                    onHangup()
                } else {
                    onReload()
                }
            },
        ]
        sources = Mutex(installed.compactMap { $0 })
    }

    func cancel() { sources.withLock { for source in $0 { source.cancel() } } }

    /// Whether a terminal controlled this process when it was started: it may have been closed since.
    private static let hasTerminal = {
        let descriptor = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY)
        if descriptor >= 0 { _ = close(descriptor) }
        return descriptor >= 0
    }()

    /// Whether SIGHUP was ignored when this process was started.
    private static let hangupWasIgnored = {
        var action = sigaction()
        sigaction(SIGHUP, nil, &action)
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }()

    /// Has to be called at the start.
    static func lookForTerminal() { _ = (hasTerminal, hangupWasIgnored) }

    /// Call it at the start of a server: a SIGHUP before the server listens then ends the process only if the terminal
    /// is closed.
    static func prepare() {
        lookForTerminal()
        if !hasTerminal { signal(SIGHUP, SIG_IGN) }
    }
}
