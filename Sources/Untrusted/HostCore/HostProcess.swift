// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// Metrics of this process.
package enum HostProcess {
    /// Seconds since 1970, at the first call of ``noteStart()`` or use of the metrics.
    private static let start = Date().timeIntervalSince1970

    /// Records the time of the start. Call it early.
    package static func noteStart() { _ = start }

    package static var metricsText: MetricsText {
        var text = MetricsText()
        text.add("process_start_time_seconds", .gauge, "When the host started, in seconds since 1970.", start)
        text.add("process_resident_memory_bytes", .gauge, "Memory of the host, without its enclaves.", residentBytes)
        text.add("process_cpu_seconds_total", .counter, "Processor time of the host, without its enclaves.", seconds)
        return text
    }

    /// 0 if `/proc` cannot be read.
    private static var residentBytes: Double {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    private static var seconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
