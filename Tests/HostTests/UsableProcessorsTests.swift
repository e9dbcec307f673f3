// SPDX-License-Identifier: Apache-2.0
import Foundation
import HostCore
import Testing

/// A folder with the files of control groups as the kernel shows them.
private final class Root {
    let path: String

    init(_ files: [String: String]) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        path = folder.path
        for (name, text) in files {
            let file = folder.appending(path: name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

@Suite("Processors available to the process")
struct UsableProcessorsTests {
    @Test("cgroup quotas of the group and its ancestors count, in both versions")
    func quotas() throws {
        #expect(UsableProcessors.count() >= 1)
        // Excludes the quota of this process itself.
        let processors = UsableProcessors.count(root: try Root([:]).path)
        let cases: [(files: [String: String], quota: Double?)] = [
            ([:], nil),
            (["proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"], nil),
            (["proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "100000 100000\n"], 1),
            (["proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"], 1),
            (["proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "199999 100000\n"], 1),
            (["proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"], 2),
            (["proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "100000 100000\n"], 1),
            (["proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "25000 25000\n"], 1),
            // In a container the path may be that of the host's file system.
            (["proc/self/cgroup": "0::/../outside\n", "sys/fs/cgroup/cpu.max": "100000 100000\n"], 1),
            (
                [
                    "proc/self/cgroup": "5:memory:/x\n4:cpu,cpuacct:/docker/1\n0::/\n",
                    "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "100000\n",
                    "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
                ], 1
            ),
            (
                [
                    "proc/self/cgroup": "4:cpu,cpuacct:/docker/1\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                    "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
                ], nil
            ),
            // A damaged file imposes no limit.
            (["proc/self/cgroup": "::::\n0\n", "sys/fs/cgroup/cpu.max": "0 0\n"], nil),
            (["proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "many"], nil),
        ]
        for (files, quota) in cases {
            let root = try Root(files)
            let expected = quota.map { max(1, min(Int($0), processors)) } ?? processors
            #expect(UsableProcessors.count(root: root.path) == expected, "\(files)")
        }
    }

    @Test("Processor affinity counts", arguments: ["1", "0,00000001", "80000000,00000000"])
    func affinity(_ mask: String) throws {
        let root = try Root(["proc/self/status": "Name:\tx\nCpus_allowed:\t\(mask)\nCpus_allowed_list:\t0\n"])
        #expect(UsableProcessors.count(root: root.path) == 1)
    }
}
