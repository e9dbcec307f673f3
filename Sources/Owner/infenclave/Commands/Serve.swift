import ArgumentParser
import BundleFormat
import Evidence
import Foundation
import HostCore
import HostServer
import Inference
import Logging
import ModelGraph
import Partitioning
import SealedChannel
import Synchronization

struct Serve: Command {
    static let configuration = CommandConfiguration(
        abstract: "Serve a bundle: start the enclave, run the BackNet, answer clients over HTTP.")

    @Argument(help: "The bundle, NAME.infenclave.") var bundle: String
    @Option(help: "The TEE: sgx, tdx, snp, nitro, auto for the one of these that is here, or development.") var tee:
        String
    @Option(help: "Where to listen.") var listen = "127.0.0.1:8080"
    @Option(
        help: ArgumentHelp(
            "Where operators ask for metrics and health: HOST:PORT, or none.",
            discussion: "Keep it from strangers: it says how much is refused, and whether the enclave is provisioned."))
    var adminListen = "127.0.0.1:9464"
    @Option(
        help: ArgumentHelp(
            "Connections at a time from one address, or one /64 of IPv6.",
            discussion: "Raise it when all clients come through one proxy. At most 1024 are held in total."))
    var connectionsPerAddress = 256
    @Option(help: "Requests that the enclave computes at a time.") var workers = 1
    @Option(
        help:
            "Threads of one inference, in BackNet and enclave; unless said otherwise all cores, or a worker's share of them."
    )
    var threads: Int?
    @Option(help: "Requests admitted at a time.") var maximumWaiting = 64
    @Option(help: "The enclave's executable.") var enclave: String?
    @Option(help: "The file of the development TEE's signing key.") var developmentKey: String?

    func validate() throws {
        guard TEEKind(rawValue: tee) != nil || tee == "auto" else {
            throw ValidationError("--tee takes auto, \(TEEKind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        guard tee == "development" || developmentKey == nil else {
            throw ValidationError("--development-key goes with --tee development")
        }
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads takes 1 to 1024") }
        guard (1...1024).contains(workers) else { throw ValidationError("--workers takes 1 to 1024") }
        guard (1...65536).contains(maximumWaiting) else {
            throw ValidationError("--maximum-waiting takes 1 to 65536")
        }
        guard (1...1024).contains(connectionsPerAddress) else {
            throw ValidationError("--connections-per-address takes 1 to 1024")
        }
        _ = try ListenAddress(listen)
        _ = try adminAddress()
    }

    private func adminAddress() throws -> ListenAddress? {
        adminListen == "none" ? nil : try ListenAddress(adminListen)
    }

    func execute() async throws {
        let (address, admin) = (try ListenAddress(listen), try adminAddress())
        let opened = try OpenedBundle(opening: bundle)
        let executable = try EnclaveExecutable(enclave)
        // What is found is hardware or nothing: development is only ever served by name.
        let kind = try TEEKind(rawValue: tee) ?? executable.detectedTEE()
        let processors = ProcessInfo.processInfo.activeProcessorCount
        let log = StartupLog()
        var keyFile: String?
        if kind == .development {
            keyFile = try developmentKey ?? DevelopmentKeyFile.defaultPath()
            log.print("warning: the development TEE protects nothing from whoever owns this machine")
        }
        let level = PrecisionTable.Level(label: opened.manifest.precision) ?? .float32
        if let reason = Precision.whyFloat32(insteadOf: level) {
            log.print("infenclave: \(reason): host and enclave compute in f32")
        }
        let name = opened.manifest.model.name
        var limits = ServerLimits()
        limits.connectionsPerAddress = connectionsPerAddress
        limits.requestBytes = min(limits.requestBytes, opened.manifest.largestRequestBytes)
        let host = try EnclaveHost(
            bundle: HostedBundle(consume opened),
            command: .init(
                executable: executable.path,
                arguments: executable.arguments(
                    tee: kind, developmentKey: keyFile, workers: workers,
                    threads: threads ?? max(1, processors / workers),
                    alone: threads ?? processors)),
            backNetThreads: threads ?? processors, maximumWaiting: maximumWaiting
        ) { log.print("infenclave: \($0)") }
        try await host.start()
        let server = HostServer(
            host: host, address: address.listening, admin: admin?.listening, limits: limits,
            logger: Logger(label: "infenclave"))
        try await server.run { ports in
            log.serve()
            if let admin, let port = ports.adminPort {
                printError("infenclave: admin listener at http://\(admin.urlHost):\(port)")
            }
            printError("infenclave: serving \(name) at http://\(address.urlHost):\(ports.port)")
        }
        printError("infenclave: stopped")
    }
}

/// Lines for the operator. Those before the server listens wait until it does: a start that fails says only why.
private final class StartupLog: Sendable {
    private let waiting = Mutex<[String]?>([])

    func print(_ line: String) {
        waiting.withLock { lines in
            if lines == nil { printError(line) } else { lines?.append(line) }
        }
    }

    /// Prints what waited; from now on nothing waits.
    func serve() {
        waiting.withLock { lines in
            for line in lines ?? [] { printError(line) }
            lines = nil
        }
    }
}

/// `HOST:PORT`, an IPv6 address in brackets.
struct ListenAddress {
    let host: String
    let port: Int

    init(_ text: String) throws {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65535).contains(port), colon != text.startIndex
        else { throw ValidationError("'\(text)' is no address to listen on; write HOST:PORT") }
        host = text[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        self.port = port
    }

    /// As it stands in a URL.
    var urlHost: String { host.contains(":") ? "[\(host)]" : host }
    var listening: ListeningAddress { ListeningAddress(hostname: host, port: port) }
}

extension BundleManifest {
    /// A sealed request of the largest tensor that the enclave takes, with 16 KiB for the token, the headers of the request
    /// inside, and the seal.
    fileprivate var largestRequestBytes: Int {
        let elements = input.shape.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
        let (bytes, isTooMuch) = elements.multipliedReportingOverflow(
            by: input.elements.contains("f32") ? MemoryLayout<Float>.size : 1)
        return (isTooMuch || bytes < 0 || bytes > 1 << 40 ? 1 << 40 : bytes) + 16 << 10
    }
}

extension HostedBundle {
    init(_ bundle: OpenedBundle) {
        self.init(
            manifestCore: bundle.coreBytes, manifest: bundle.manifestBytes, manifestSignature: bundle.signature,
            frontNet: bundle.frontNet, mappingUnit: bundle.mappingUnit,
            backNet: bundle.backNet, backNetPrecision: bundle.backNetPrecision)
    }
}
