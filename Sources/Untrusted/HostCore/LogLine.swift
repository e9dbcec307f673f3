// SPDX-License-Identifier: Apache-2.0
/// A line of the host's log. It holds no secret: nothing in it depends on an input or a result.
package struct LogLine: Sendable, Hashable {
    package enum Level: String, Sendable, CaseIterable, Comparable {
        case debug, info, warning, error

        package static func < (one: Level, other: Level) -> Bool { one.rank < other.rank }
        private var rank: Int {
            switch self {
            case .debug: 0
            case .info: 1
            case .warning: 2
            case .error: 3
            }
        }
    }

    package enum Value: Sendable, Hashable {
        case text(String)
        case integer(Int)
        case number(Double)
    }

    package let level: Level
    package let message: String
    /// Structured fields, for programs.
    package let fields: [String: Value]

    package init(_ level: Level, _ message: String, _ fields: [String: Value] = [:]) {
        self.level = level
        self.message = message
        self.fields = fields
    }

    package func adding(_ more: [String: Value]) -> LogLine {
        LogLine(level, message, fields.merging(more) { $1 })
    }
}
