// SPDX-License-Identifier: Apache-2.0
import Glibc

/// How many processors this process may use, which may be fewer than the machine has. More threads than that would
/// share processors, and all would wait for the slowest.
package enum UsableProcessors {
    /// The minimum of the machine's processors, the affinity of this process (taskset, cpuset) and the quotas of its
    /// control groups (containers, `CPUQuota`), rounded down and at least 1. A limit that cannot be read is ignored.
    ///
    /// - Parameter root: The folder of `proc` and `sys`.
    package static func count(root: String = "") -> Int {
        let machine = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let processors = min(machine, affinity(root: root) ?? machine)
        let quota = ControlGroups(root: root).processors ?? .infinity
        return max(1, quota < Double(processors) ? Int(quota) : processors)
    }

    /// The affinity of the main thread, which other threads inherit.
    private static func affinity(root: String) -> Int? {
        let lines = StateFile.text(root + "/proc/self/status").split(separator: "\n")
        guard let mask = lines.first(where: { $0.hasPrefix("Cpus_allowed:") })?.split(separator: "\t").last else {
            return nil
        }
        // Hexadecimal digits, in groups.
        let bits = mask.reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
        return bits > 0 ? bits : nil
    }
}

/// A file in which the kernel shows its state.
private enum StateFile {
    /// The first 64 KiB; empty if it cannot be read.
    static func text(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { _ = close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}

/// The control groups that this process is in, and the groups around them.
private struct ControlGroups {
    /// The smallest quota, in processors; `nil` without one.
    let processors: Double?

    init(root: String) {
        let quotas = StateFile.text(root + "/proc/self/cgroup").split(separator: "\n").flatMap { line -> [Double] in
            // Number, controllers, path; version 2 has number 0 and names no controllers.
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { return [] }
            let (controllers, path) = (fields[1], String(fields[2]))
            if controllers.isEmpty { return Self.quotas(root + "/sys/fs/cgroup", path, Self.version2) }
            guard controllers.split(separator: ",").contains("cpu") else { return [] }
            return Self.quotas(root + "/sys/fs/cgroup/\(controllers)", path, Self.version1)
                + Self.quotas(root + "/sys/fs/cgroup/cpu", path, Self.version1)
        }
        processors = quotas.min()
    }

    /// The quotas of a group and of its parents. In a container the path may be that of the host, of which only the
    /// root is visible.
    private static func quotas(_ top: String, _ path: String, _ read: (String) -> Double?) -> [Double] {
        var names = path.split(separator: "/").filter { $0 != ".." }.prefix(64)
        var quotas = [read(top)]
        while !names.isEmpty {
            quotas.append(read(top + "/" + names.joined(separator: "/")))
            names.removeLast()
        }
        return quotas.compactMap { $0 }
    }

    private static func version2(_ folder: String) -> Double? {
        let fields = StateFile.text(folder + "/cpu.max").split(whereSeparator: \.isWhitespace)
        return fields.count == 2 ? ratio(fields[0], fields[1]) : nil
    }

    private static func version1(_ folder: String) -> Double? {
        ratio(StateFile.text(folder + "/cpu.cfs_quota_us")[...], StateFile.text(folder + "/cpu.cfs_period_us")[...])
    }

    /// - Returns: `nil` for `max` and `-1`, which mean no quota.
    private static func ratio(_ quota: Substring, _ period: Substring) -> Double? {
        func number(_ text: Substring) -> Double? {
            text.split(whereSeparator: \.isWhitespace).first.flatMap { Double($0) }
        }
        guard let quota = number(quota), let period = number(period), quota > 0, period > 0 else { return nil }
        return quota / period
    }
}
