import ArgumentParser
import BundleFormat
import Evidence
import Foundation
import HostCore
import HostServer
import Inference
import LeakageAssessment
import ModelGraph
import Partitioning
import SealedChannel

struct Serve: Command {
    static let configuration = CommandConfiguration(
        abstract: "Serve bundles: start an enclave for each, run the BackNets, answer clients over HTTP.",
        discussion: """
            One bundle is served at the server's address. Several are served each under /models/NAME, where NAME is the \
            bundle's file name without .infenclave: clients and owners write --server http://HOST:PORT/models/NAME.
            """)

    @Argument(help: "The bundles, NAME.infenclave.") var bundles: [String]
    @Option(help: "The TEE: sgx, tdx, snp, nitro, az-snp, auto for the one of these that is here, or development.")
    var tee: String
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
    @Option(help: "Requests that each enclave computes at a time.") var workers = 1
    @Option(
        help: ArgumentHelp(
            "Threads of one inference, in each BackNet and each enclave.",
            discussion:
                "Unless said otherwise as many as the processors that this process may use, or a worker's share of them."
        ))
    var threads: Int?
    @Option(help: "Requests admitted at a time, for each bundle.") var maximumWaiting = 64
    @Option(help: "How the log on stderr is written: text or json.") var logFormat = OperatorLog.Format.text
    @Option(help: "What the log holds: debug (a line for every request), info, warning or error.")
    var logLevel = LogLine.Level.info
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

    /// What the libraries of a server take for granted.
    private func requireMachine() throws {
        // Event loops, the pool of tasks, and a few of the host's own.
        requireThreads(2 * ProcessInfo.processInfo.processorCount + 16)
        _ = try DescriptorLimit(for: ServerLimits(), eventLoops: ProcessInfo.processInfo.processorCount)
    }

    private func adminAddress() throws -> ListenAddress? {
        adminListen == "none" ? nil : try ListenAddress(adminListen)
    }

    func execute() async throws {
        let (address, admin) = (try ListenAddress(listen), try adminAddress())
        try requireMachine()
        let executable = try EnclaveExecutable(enclave)
        // What is found is hardware or nothing: development is only ever served by name.
        let kind = try TEEKind(rawValue: tee) ?? executable.detectedTEE()
        let log = OperatorLog(format: logFormat, level: logLevel)
        var keyFile: String?
        if kind == .development {
            keyFile = try developmentKey ?? DevelopmentKeyFile.defaultPath()
            log.write(LogLine(.warning, "the development TEE protects nothing from whoever owns this machine"))
        }
        let processors = UsableProcessors.count()
        let command = EnclaveHost.EnclaveCommand(
            executable: executable.path,
            arguments: executable.arguments(
                tee: kind, developmentKey: keyFile, workers: workers,
                threads: threads ?? max(1, processors / workers), alone: threads ?? processors),
            workers: workers)
        var served: [ServedBundle] = []
        for bundle in bundles {
            served.append(
                try ServedBundle(
                    bundle, isOnly: bundles.count == 1, command: command, threads: threads ?? processors,
                    maximumWaiting: maximumWaiting, log: log))
        }
        let models = try ModelRegistry(served.map(\.model))
        do { for model in models.models { try await model.host.start() } } catch {
            for model in models.models { await model.host.stop() }
            throw error
        }
        var limits = ServerLimits()
        limits.connectionsPerAddress = connectionsPerAddress
        let server = HostServer(
            models: models, address: address.listening, admin: admin?.listening, limits: limits, log: log,
            build: [("version", SoftwareVersions.program), ("tee", kind.rawValue)])
        try await server.run { [served] ports in
            log.serve()
            if let admin, let port = ports.adminPort {
                log.write(LogLine(.info, "admin listener at http://\(admin.urlHost):\(port)"))
            }
            for bundle in served {
                let path = bundle.isOnly ? "" : "/models/\(bundle.model.name)"
                log.write(LogLine(.info, "serving \(bundle.title) at http://\(address.urlHost):\(ports.port)\(path)"))
            }
        }
        log.write(LogLine(.info, "stopped"))
        log.flush()
    }
}

extension OperatorLog.Format: ExpressibleByArgument {}
extension LogLine.Level: ExpressibleByArgument {}

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
