// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
package import HostCore
import Logging
import PlainText
import Synchronization

/// The server's log on the standard error stream: one line per event, as text or JSON.
///
/// A dedicated thread writes the log, so that a stalled reader never blocks the server. Lines that are dropped because
/// of this are counted.
package final class OperatorLog: Sendable {
    package enum Format: String, Sendable, CaseIterable { case text, json }

    private struct State {
        /// Lines logged during the start; `nil` once the server serves.
        var waiting: [LogLine]? = []
        var missed = 0
    }

    private let format: Format
    private let kept: Mutex<LogLine.Level>
    private let state = Mutex(State())
    private let writer = SerialThread(name: "log")

    /// Lines that wait for a slow reader.
    private static let longestQueue = 4096

    /// - Parameter level: The lowest level that is written.
    package init(format: Format, level: LogLine.Level) {
        self.format = format
        kept = Mutex(level)
    }

    /// Lines of a lower level are not written.
    package var level: LogLine.Level {
        get { kept.withLock { $0 } }
        set { kept.withLock { $0 = newValue } }
    }

    /// Whether lines of this level are written.
    func holds(_ level: LogLine.Level) -> Bool { level >= self.level }

    package func write(_ line: LogLine) {
        guard holds(line.level) else { return }
        let isHeld = state.withLock { state in
            state.waiting?.append(line)
            return state.waiting != nil
        }
        if !isHeld { enqueue(line) }
    }

    /// Writes the lines of the start; later lines are written at once. If the start fails before, only the reason is
    /// printed.
    package func serve() {
        let lines = state.withLock { state in
            defer { state.waiting = nil }
            return state.waiting ?? []
        }
        for line in lines { enqueue(line) }
    }

    /// Waits for a short time until everything is written.
    package func flush() {
        let done = DispatchSemaphore(value: 0)
        writer.enqueue { done.signal() }
        _ = done.wait(timeout: .now() + 1)
    }

    private func enqueue(_ line: LogLine) {
        guard writer.waiting < Self.longestQueue else { return state.withLock { $0.missed += 1 } }
        let text = format == .text ? line.text(at: Date()) : line.json(at: Date())
        let missed = state.withLock { state in
            defer { state.missed = 0 }
            return state.missed
        }
        if missed > 0 { enqueue(LogLine(.warning, "\(missed) lines were not written, because nobody read the log")) }
        writer.enqueue { Self.write(Array((text + "\n").utf8)) }
    }

    /// A full disk or a closed pipe must not end the server.
    private static func write(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) } else if errno != EINTR { return }
        }
    }
}

extension LogLine {
    private static func time(_ date: Date) -> String {
        date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    /// Time, level, message, and fields as `name=value`.
    func text(at date: Date) -> String {
        let fields = fields.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value.text)" }.joined()
        return "\(Self.time(date)) \(level.rawValue) \(PlainText.line(message + fields))"
    }

    func json(at date: Date) -> String {
        var object: [String: any Encodable] = ["time": Self.time(date), "level": level.rawValue, "message": message]
        for (name, value) in fields { object[name] = value.encodable }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let json = try? encoder.encode(object.mapValues(AnyEncodable.init))
        return PlainText.json(String(decoding: json ?? Data("{}".utf8), as: UTF8.self))
    }

    private struct AnyEncodable: Encodable {
        let value: any Encodable
        func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
    }
}

extension LogLine.Value {
    fileprivate var text: String {
        switch self {
        case .text(let text): text
        case .integer(let number): String(number)
        case .number(let number): String(number)
        }
    }

    fileprivate var encodable: any Encodable {
        switch self {
        case .text(let text): text
        case .integer(let number): number
        case .number(let number): number
        }
    }
}

/// Forwards log messages of the server's libraries. Their messages below `warning` are of no use to an operator.
struct LibraryLog: LogHandler {
    let log: OperatorLog
    var logLevel = Logger.Level.warning
    var metadata: Logger.Metadata = [:]

    init(_ log: OperatorLog) { self.log = log }

    func log(event: LogEvent) {
        log.write(
            LogLine(event.level >= .error ? .error : .warning, "\(event.message)", ["source": .text("library")]))
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }
}
