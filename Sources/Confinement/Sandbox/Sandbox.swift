// SPDX-License-Identifier: Apache-2.0
internal import CSandbox
internal import Glibc

/// The rights that a process gives up before it reads untrusted input, to limit what an attacker gains from a defect.
package struct Sandbox: Sendable {
    /// Which restrictions are required.
    package enum Demand: String, Sendable, CaseIterable {
        /// All restrictions; otherwise the process does not continue.
        case required
        /// The restrictions that this kernel supports; missing ones are reported.
        case available
        case none
    }

    /// The permitted system calls.
    package enum Calls: Sendable, Hashable {
        case all
        /// Those of an enclave with an open connection to the host.
        case enclave
        /// In addition those with which evidence sources open files.
        case enclaveWithFiles
    }

    /// The permitted files.
    package let paths: [SandboxPath]
    package let calls: Calls

    package init(paths: [SandboxPath], calls: Calls) {
        self.paths = paths
        self.calls = calls
    }

    /// Applies the restrictions permanently, to the calling thread and all threads and programs that it starts. Other
    /// threads have to be started afterwards.
    ///
    /// - Returns: The restrictions that this kernel lacks, one sentence each.
    /// - Throws: ``SandboxError`` if a required restriction is not available, or the kernel refuses one that it
    ///   supports.
    package func enter(_ demand: Demand) throws(SandboxError) -> [String] {
        guard demand != .none else { return [] }
        try Self.check(csandbox_forbid_new_privileges(), "PR_SET_NO_NEW_PRIVS")
        var missing: [String] = []
        let version = csandbox_landlock_version()
        if version == 0 {
            missing.append("this kernel has no Landlock: files are not restricted")
        } else {
            try restrictFiles()
            if isolates, version < 4 { missing.append("Landlock \(version) of this kernel does not restrict TCP") }
        }
        if calls != .all {
            switch csandbox_restrict_calls(calls == .enclaveWithFiles ? 1 : 0) {
            case ENOSYS, EINVAL: missing.append("this kernel has no seccomp filters: system calls are not restricted")
            case let failure: try Self.check(failure, "seccomp")
            }
        }
        guard demand == .available || missing.isEmpty else {
            throw SandboxError(
                "the sandbox is incomplete: \(missing.joined(separator: "; "))",
                remedy: "use Linux 6.7 or later with Landlock and seccomp, or --sandbox available")
        }
        return missing
    }

    /// Whether this process is in a sandbox.
    package static var isEntered: Bool { csandbox_has_no_new_privileges() != 0 }

    /// A process with a limited set of system calls also gets no access to other processes.
    private var isolates: Bool { calls != .all }

    private func restrictFiles() throws(SandboxError) {
        let names = paths.map { strdup($0.path as String) }
        defer { for name in names { free(name) } }
        let entries = zip(names, paths).map { csandbox_path(path: $0, access: $1.access.rawValue) }
        try Self.check(csandbox_restrict_files(entries, entries.count, isolates ? 1 : 0), "Landlock")
    }

    private static func check(_ failure: Int32, _ part: String) throws(SandboxError) {
        guard failure != 0 else { return }
        throw SandboxError(
            "\(part) is refused: \(String(cString: strerror(failure)))",
            remedy: "start with --sandbox none if something else confines the process")
    }
}

/// A file, or a folder with everything below it, and the permitted access.
package struct SandboxPath: Sendable, Hashable {
    package struct Access: OptionSet, Sendable, Hashable {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }

        package static let read = Access(rawValue: 1)
        /// Writing to existing files.
        package static let write = Access(rawValue: 2)
        package static let execute = Access(rawValue: 4)
        /// Creating and removing files, sockets and folders.
        package static let change = Access(rawValue: 8)
        /// Commands to devices.
        package static let command = Access(rawValue: 16)
    }

    package let path: String
    package let access: Access

    package init(_ path: String, _ access: Access) {
        self.path = path
        self.access = access
    }
}

/// The libraries that this process has loaded, by their paths.
package enum LoadedLibraries {
    package static var paths: [String] {
        var paths: [String] = []
        withUnsafeMutablePointer(to: &paths) { paths in
            csandbox_each_library(
                { path, context in
                    guard let path, let paths = context?.assumingMemoryBound(to: [String].self) else { return }
                    paths.pointee.append(String(cString: path))
                }, paths)
        }
        return paths
    }
}

/// The required sandbox is not available.
package struct SandboxError: Error, Sendable, CustomStringConvertible {
    package let message: String
    package let remedy: String

    init(_ message: String, remedy: String) {
        self.message = message
        self.remedy = remedy
    }

    package var description: String { message }
}
