import Foundation
import LeakageAssessment
import Synchronization

/// One line on a terminal that long work rewrites; silent when stderr is not a terminal.
final class ProgressLine: Sendable {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let isShown = Mutex(false)

    func show(_ progress: AssessmentProgress) {
        guard isTerminal else { return }
        var line = "\(progress.stage.rawValue): \(progress.done) of \(progress.total)"
        if let rate = progress.rate { line += String(format: ", %.1f a second", rate) }
        if let left = progress.secondsLeft { line += ", \(Self.duration(left)) left" }
        isShown.withLock { shown in
            shown = true
            FileHandle.standardError.write(Data("\r\u{1B}[K\(line)".utf8))
        }
    }

    /// Removes the line.
    func finish() {
        isShown.withLock { shown in
            if shown { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
            shown = false
        }
    }

    private static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 360_000 else { return "long" }
        let whole = Int(seconds.rounded())
        return whole < 90 ? "\(whole) s" : "\((whole + 30) / 60) min"
    }
}
