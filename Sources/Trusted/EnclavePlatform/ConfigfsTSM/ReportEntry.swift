// SPDX-License-Identifier: Apache-2.0
import Glibc

/// One report directory of Linux's configfs-tsm (`Documentation/ABI/testing/configfs-tsm-report`): created for one
/// report and removed after it.
struct ReportEntry: ~Copyable {
    static let root = "/sys/kernel/config/tsm/report"
    /// `TSM_REPORT_OUTBLOB_MAX` of the kernel, with room for growth.
    private static let maximumBlobBytes = 1 << 20

    private let files: any KernelFiles
    private let path: String

    /// - Parameter name: Unique, so that no other process writes its attributes.
    init(name: String, files: any KernelFiles) throws(KernelError) {
        self.files = files
        path = "\(Self.root)/\(name)"
        try files.makeDirectory(path)
    }

    deinit { try? files.removeDirectory(path) }

    /// The provider of the reports, as the kernel names it.
    func provider() throws(KernelError) -> String { try text("provider") }

    /// A report over 64 bytes, and the host's certificate table.
    ///
    /// - Returns: `nil` if another process wrote attributes meanwhile, so that the report may be over other bytes.
    func report(over reportData: [UInt8]) throws(KernelError) -> (outblob: [UInt8], auxblob: [UInt8])? {
        var writes: UInt64 = 0
        let before = try number("generation")
        if let floor = try optional({ () throws(KernelError) in try number("privlevel_floor") }), floor > 0 {
            try files.write(Array("\(floor)".utf8), to: "\(path)/privlevel")
            writes += 1
        }
        try files.write(reportData, to: "\(path)/inblob")
        writes += 1
        let outblob = try files.read("\(path)/outblob", limit: Self.maximumBlobBytes)
        let auxblob = try optional { () throws(KernelError) in
            try files.read("\(path)/auxblob", limit: Self.maximumBlobBytes)
        }
        guard try number("generation") == before &+ writes else { return nil }
        return (outblob, auxblob ?? [])
    }

    private func text(_ attribute: String) throws(KernelError) -> String {
        String(decoding: try files.read("\(path)/\(attribute)", limit: 4096), as: UTF8.self).trimmingNewline
    }

    private func number(_ attribute: String) throws(KernelError) -> UInt64 {
        guard let value = UInt64(try text(attribute)) else { throw KernelError(EINVAL) }
        return value
    }

    /// `nil` for an attribute that this provider does not have.
    private func optional<Value>(_ read: () throws(KernelError) -> Value) throws(KernelError) -> Value? {
        do throws(KernelError) { return try read() } catch  where error == .noEntry { return nil }
    }
}
