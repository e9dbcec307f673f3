// SPDX-License-Identifier: Apache-2.0
package import Evidence
package import FrameStream
package import Sandbox

/// The command line of the enclave executable. The host writes it, so it holds nothing secret and decides nothing that
/// evidence does not show.
package enum EnclaveArguments: Sendable, Equatable {
    /// Print the measurement of the executable.
    case measure
    /// Print the public half of the development key in this file, which is made if there is none.
    case developmentKey(path: String)
    /// Print the kind of TEE that this process runs in.
    case detect
    /// Print evidence over 64 zero bytes, in hexadecimal, for reading this machine's measurements. No service's report
    /// data is zero.
    case report(TEEKind)
    /// Serve a host.
    ///
    /// - Parameters:
    ///   - connect: Where the host is.
    ///   - workers: Requests that are computed at a time.
    ///   - threads: Of one inference.
    ///   - threadsAlone: Of one that begins while no other is computed.
    ///   - sandbox: Restrictions that this process must put on itself.
    case serve(
        TEEKind, developmentKey: String?, connect: StreamAddress, workers: Int?, threads: Int?, threadsAlone: Int?,
        sandbox: Sandbox.Demand)

    package static let usage = """
        usage: infenclave-enclave --tee development --development-key FILE [OPTIONS]
               infenclave-enclave --tee sgx|tdx|snp|nitro|az-snp|az-tdx [OPTIONS]
               infenclave-enclave --detect
               infenclave-enclave --report sgx|tdx|snp|nitro|az-snp|az-tdx
               infenclave-enclave --measure
               infenclave-enclave --print-development-key FILE
        options: --connect fd:3|vsock:CID:PORT|serial:NAME|stdio   where the host is; fd:3, a connected socket, without it
                 --workers N  --threads N  --threads-alone N
                 --sandbox required|available|none   what this process forbids itself; available without it
        As the first process of a machine it takes nothing from here, but infenclave.… from the kernel's command line.
        """

    /// - Parameter arguments: Without the program's name.
    /// - Returns: `nil` when they are not as ``usage`` says.
    package init?(_ arguments: [String]) {
        switch (arguments.first, arguments.count) {
        case ("--measure", 1): self = .measure
        case ("--detect", 1): self = .detect
        case ("--report", 2):
            guard let kind = TEEKind(rawValue: arguments[1]), kind != .development else { return nil }
            self = .report(kind)
        case ("--print-development-key", 2): self = .developmentKey(path: arguments[1])
        default:
            guard let serve = Self.serving(arguments) else { return nil }
            self = serve
        }
    }

    /// Whether this process runs in SGX or ends without a secret: ``serve`` of the kind `sgx` finds no evidence source
    /// elsewhere, and finding out the kind of TEE needs no secret.
    package var runsInSGX: Bool {
        switch self {
        case .serve(let kind, _, _, _, _, _, _), .report(let kind): kind == .sgx
        case .detect: true
        case .measure, .developmentKey: false
        }
    }

    /// Options of ``serve``, each at most once.
    package static let servingOptions = [
        "--tee", "--development-key", "--connect", "--workers", "--threads", "--threads-alone", "--sandbox",
    ]

    private static func serving(_ arguments: [String]) -> EnclaveArguments? {
        var values: [String: String] = [:]
        var rest = arguments[...]
        while let option = rest.popFirst() {
            guard servingOptions.contains(option), let value = rest.popFirst(),
                values.updateValue(value, forKey: option) == nil
            else { return nil }
        }
        return serving(values)
    }

    /// - Parameter values: By ``servingOptions``.
    package static func serving(_ values: [String: String]) -> EnclaveArguments? {
        guard let kind = values["--tee"].flatMap(TEEKind.init(rawValue:)),
            let connect = StreamAddress(values["--connect"] ?? "fd:3"),
            let sandbox = Sandbox.Demand(rawValue: values["--sandbox"] ?? "available")
        else { return nil }
        let developmentKey = values["--development-key"]
        guard (kind == .development) == (developmentKey != nil) else { return nil }
        var counts: [String: Int] = [:]
        for option in ["--workers", "--threads", "--threads-alone"] {
            guard let text = values[option] else { continue }
            guard let count = Int(text), (1...1024).contains(count) else { return nil }
            counts[option] = count
        }
        return .serve(
            kind, developmentKey: developmentKey, connect: connect, workers: counts["--workers"],
            threads: counts["--threads"], threadsAlone: counts["--threads-alone"], sandbox: sandbox)
    }
}
