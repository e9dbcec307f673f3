// SPDX-License-Identifier: Apache-2.0
import Foundation
import LeakageAssessment
import Synchronization

/// Shows progress: on a terminal one line that is rewritten, otherwise a line every ten seconds.
final class ProgressLine: Sendable {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let isShown = Mutex(false)
    private let pace = Mutex(ProgressPace())

    func show(_ progress: AssessmentProgress) {
        var line = "\(progress.stage.rawValue): \(progress.done) of \(progress.total)"
        if let rate = progress.rate { line += String(format: ", %.1f a second", rate) }
        if let left = progress.secondsLeft { line += ", \(Self.duration(left)) left" }
        guard isTerminal else {
            pace.withLock { $0.report(line) }
            return tick()
        }
        isShown.withLock { shown in
            shown = true
            FileHandle.standardError.write(Data("\r\u{1B}[K\(line)".utf8))
        }
    }

    /// Prints an estimate of the total time on a line of its own.
    func show(_ forecast: AssessmentForecast) {
        finish()
        var parts: [String] = []
        if forecast.networkSeconds > 0 {
            parts.append("pictures in both networks \(Self.duration(forecast.networkSeconds))")
        }
        parts.append("decoders and learning curves \(Self.duration(forecast.decoderSeconds))")
        if forecast.channelSeconds > 0 { parts.append("channel KL \(Self.duration(forecast.channelSeconds))") }
        let (start, end) =
            switch forecast.basis {
            case .plannedWork: ("first, rough estimate: ", "; a better one follows after the first cut")
            case .firstCut: ("", "")
            }
        let cuts = forecast.cuts == 1 ? "1 cut" : "\(forecast.cuts) cuts"
        let line =
            "\(start)about \(Self.duration(forecast.seconds)) for \(cuts): \(parts.joined(separator: ", ")); more where a "
            + "cut is within the gates\(end)"
        FileHandle.standardError.write(Data("\(line)\n".utf8))
    }

    /// Prints the line that is due, if any. Called every second, since a stage may not report for minutes.
    func tick() {
        if let line = pace.withLock({ $0.due() }) { FileHandle.standardError.write(Data("\(line)\n".utf8)) }
    }

    /// Removes the line.
    func finish() {
        pace.withLock { $0.clear() }
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
