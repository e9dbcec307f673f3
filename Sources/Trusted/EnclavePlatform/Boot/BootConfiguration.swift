// SPDX-License-Identifier: Apache-2.0
package import FrameStream

/// The options on the kernel's command line for an enclave that is the machine's first process: `infenclave.NAME=VALUE`
/// for each option of the executable (`infenclave.tee=snp infenclave.connect=vsock:2:9000`), and some of the machine's
/// own.
///
/// The line is measured with kernel and initramfs. Some hypervisors append devices to it. A repeated option is refused,
/// so that appended text cannot replace an option.
package struct BootConfiguration: Sendable, Equatable {
    package enum End: String, Sendable {
        case reboot
        case powerOff = "poweroff"
    }

    /// The options of the executable.
    package let arguments: [String]
    /// Where to report that the machine has booted and to await the acknowledgement: Nitro's parent, at 3:9000.
    package let heartbeat: VsockAddress?
    /// How the machine ends. `reboot` unless said otherwise: without ACPI a machine cannot be turned off.
    package let end: End

    private static let prefix = "infenclave."
    /// The kernel's own limit is lower everywhere.
    package static let maximumBytes = 4096

    /// - Parameter line: `/proc/cmdline`.
    /// - Throws: ``BootError`` that names the invalid parameter.
    package init(commandLine line: [UInt8]) throws(BootError) {
        guard line.count <= Self.maximumBytes, let text = String(validating: line, as: UTF8.self) else {
            throw BootError("the kernel's command line is longer than \(Self.maximumBytes) bytes, or no text")
        }
        var values: [String: String] = [:]
        for word in text.split(whereSeparator: \.isWhitespace) where word.hasPrefix(Self.prefix) {
            let parts = word.dropFirst(Self.prefix.count).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, Self.names.contains(String(parts[0])), !parts[1].isEmpty else {
                throw BootError(
                    "'\(word)' on the kernel's command line is none of \(Self.names.map { Self.prefix + $0 + "=" }.joined(separator: " "))"
                )
            }
            guard values.updateValue(String(parts[1]), forKey: String(parts[0])) == nil else {
                throw BootError("'\(Self.prefix)\(parts[0])' is twice on the kernel's command line")
            }
        }
        try self.init(values)
    }

    private static let options = EnclaveArguments.servingOptions.map { String($0.dropFirst(2)) }
    private static let names = options + ["heartbeat", "end"]

    private init(_ values: [String: String]) throws(BootError) {
        var byOption: [String: String] = [:]
        for option in Self.options { byOption["--" + option] = values[option] }
        guard case .serve(_, _, let connect, _, _, _, _)? = EnclaveArguments.serving(byOption) else {
            throw BootError(
                "the kernel's command line has to say what the enclave is, as in 'infenclave.tee=snp infenclave.connect=vsock:2:9000'; the values are those of the executable's options"
            )
        }
        switch connect {
        case .vsock, .serial: break
        case .descriptor, .standardStreams:
            throw BootError(
                "a machine's first process has no descriptor of a host: infenclave.connect takes vsock:CID:PORT or serial:NAME"
            )
        }
        arguments = EnclaveArguments.servingOptions.flatMap { option in byOption[option].map { [option, $0] } ?? [] }
        switch values["heartbeat"].map(StreamAddress.init) {
        case nil: heartbeat = nil
        case .some(.some(.vsock(let address))): heartbeat = address
        default: throw BootError("infenclave.heartbeat takes vsock:CID:PORT; Nitro's is vsock:3:9000")
        }
        guard let end = End(rawValue: values["end"] ?? "reboot") else {
            throw BootError("infenclave.end takes reboot or poweroff")
        }
        self.end = end
    }
}
