// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import BundleFormat
import Evidence
import Foundation
import FrameStream
import HostCore
import HostServer
import Inference
import LeakageAssessment
import ModelGraph
import OpenInferenceBackNet
import Partitioning
import Sandbox
import SealedChannel
import TraceExport

struct Serve: Command {
    static let configuration = CommandConfiguration(
        abstract: "Serve bundles: start an enclave for each, run the BackNets, answer clients over HTTP.",
        discussion: """
            One bundle is served at the server's address. Several bundles are each served under /models/NAME, where NAME \
            is the bundle's file name without .infenclave: clients and owners write --server http://HOST:PORT/models/NAME.

            On SIGHUP a server without a terminal reads the bundles again. A bundle that has changed is started beside \
            the one that is served, and takes its place once the owner has run `infenclave provision --staged`.
            """)

    @Argument(help: "The bundles, NAME.infenclave.") var bundles: [String] = []
    @Option(
        help: ArgumentHelp(
            "The TEE: sgx, tdx, snp, nitro, az-snp, az-tdx, auto to detect it, or development.",
            valueName: "kind"))
    var tee: String?
    @Option(
        help: ArgumentHelp(
            "A JSON file with these options by name, and `bundles`, in place of the command line.",
            discussion:
                "SIGHUP reads it again: `bundles`, `replicas` and `log-level` change then, all others after a restart.",
            valueName: "file"))
    var config: String?
    @Option(
        help: ArgumentHelp(
            "Enclave processes for each bundle, 1 to \(EnclavePool.maximumReplicas).",
            discussion: "The owner provisions each of them. If one ends, the others go on.", valueName: "n"))
    var replicas = 1
    @Option(
        help: ArgumentHelp(
            "Seconds for which a bundle still answers after it was replaced.", valueName: "seconds"))
    var swapGrace = 60.0
    @Option(help: ArgumentHelp("The address for clients, HOST:PORT.", valueName: "address")) var listen =
        "127.0.0.1:8080"
    @Option(
        help: ArgumentHelp(
            "The address for operators, with metrics and health: HOST:PORT, or none.",
            discussion: "Do not expose it: it reveals the refusals, and whether the enclave is provisioned.",
            valueName: "address"))
    var adminListen = "127.0.0.1:9464"
    @Option(
        help: ArgumentHelp(
            "Connections at a time from one address, or from one /64 of IPv6.",
            discussion: "Raise it if all clients connect through one proxy. At most 1024 are held in total.",
            valueName: "n"))
    var connectionsPerAddress = 256
    @Option(
        help: ArgumentHelp(
            "Answer browser pages of this origin, https://HOST or https://HOST:PORT; repeatable.",
            discussion: "Origins must match exactly; there are no patterns. Pages cannot provision.",
            valueName: "origin"))
    var allowOrigin: [String] = []
    @Option(
        help: ArgumentHelp(
            "Requests that each enclave computes in parallel.",
            discussion:
                "Default: the number of processors divided by --threads (1 unless given), at most 8; 1 with --enclave-at.",
            valueName: "n"))
    var workers: Int?
    @Option(
        help: ArgumentHelp(
            "Threads of one inference, in each BackNet and each enclave.",
            discussion:
                "Default: the number of processors that this process may use, or a worker's share of them.",
            valueName: "n"))
    var threads: Int?
    @Option(
        help: ArgumentHelp(
            "Engines of the Open Inference Protocol that run the BackNet: oip+http://HOST:PORT/MODEL,… for replicas.",
            discussion: """
                Default: this process runs it. With several bundles, write NAME=oip+http://… for each bundle. An engine \
                must have the bundle's backnet.onnx loaded as MODEL. It sees what this host sees. oip+grpc:// is for its \
                gRPC port, in the program infenclave-grpc.
                """, valueName: "url"))
    var backnet: [String] = []
    @Option(
        help: ArgumentHelp(
            "Seconds that an engine may take for a request before it is sent to another engine.",
            valueName: "seconds"))
    var backnetTimeout = 10.0
    @Option(
        help: ArgumentHelp(
            "Seconds after which a request is sent to a second engine of --backnet as well; the first answer counts.",
            discussion: "Default: no request is sent to two engines at a time.", valueName: "seconds"))
    var hedgeAfter: Double?
    @Option(
        help: ArgumentHelp(
            "Compute the BackNet for requests of several clients in one batch; the first waits this many milliseconds for others.",
            discussion: """
                The server measures at the start whether batches are faster on this machine; if not, it computes \
                requests one by one. The BackNet's weights are held twice.
                """, valueName: "ms"))
    var batchDelay: Double?
    @Option(help: ArgumentHelp("Requests admitted at a time, for each bundle.", valueName: "n")) var maximumWaiting = 64
    @Option(
        help: ArgumentHelp(
            "Seconds from a request's last byte to its answer; a request that takes longer is refused.",
            discussion: "The client gets the refusal at once. A running computation ends, and its result is dropped.",
            valueName: "seconds"))
    var requestTimeout = 60.0
    @Option(help: ArgumentHelp("Form of the log on stderr: text or json.", valueName: "format")) var logFormat =
        OperatorLog.Format.text
    @Option(
        help: ArgumentHelp(
            "Lowest level in the log: debug (a line for every request), info, warning or error.", valueName: "level"))
    var logLevel = LogLine.Level.info
    @Option(
        help: ArgumentHelp(
            "Where the enclave is: spawn, unix:PATH, vsock:PORT, or a command that starts its machine.",
            discussion: """
                spawn starts the executable beside this program. At unix:PATH and vsock:PORT this program waits for an \
                enclave that dials. A command connects the machine's stream to its file descriptor 3, such as \
                'exec qemu-system-x86_64 … -chardev socket,id=enclave,fd=3'. --workers must equal the value in the \
                machine's command line.
                """, valueName: "place"))
    var enclaveAt = EnclaveLocation.spawn
    @Option(
        help: ArgumentHelp(
            "The collector for traces, http://HOST:PORT; it must take OTLP as JSON over HTTP.",
            discussion: "Traces contain times and codes of each request, under identifiers that this server chooses.",
            valueName: "url"))
    var otlp: String?
    @Option(
        help: ArgumentHelp(
            "Sandbox of the server and the enclave: required, available or none.",
            discussion: """
                The server opens its bundles, programs and libraries only; the enclave's process opens no file and starts \
                no program. With `available`, what this kernel lacks is reported and left out.
                """, valueName: "demand"))
    var sandbox = Sandbox.Demand.available
    @Option(help: ArgumentHelp("The enclave's executable.", valueName: "file")) var enclave: String?
    @Option(help: ArgumentHelp("The file of the development TEE's signing key.", valueName: "file")) var developmentKey:
        String?

    func validate() throws {
        guard config == nil else {
            guard bundles.isEmpty, tee == nil else {
                throw ValidationError("--config takes the place of all other options: write them into its file")
            }
            return
        }
        guard !bundles.isEmpty, let tee else { throw ValidationError("serve takes bundles and --tee, or --config") }
        guard TEEKind(rawValue: tee) != nil || tee == "auto" else {
            throw ValidationError("--tee takes auto, \(TEEKind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        if enclaveAt != .spawn {
            guard tee != "auto" else {
                throw ValidationError(
                    "--tee auto says what this machine runs in; with --enclave-at, name the enclave's")
            }
            guard enclave == nil, developmentKey == nil else {
                throw ValidationError("--enclave and --development-key go with --enclave-at spawn")
            }
            guard bundles.count == 1 else {
                throw ValidationError("--enclave-at takes one bundle; start a server for each")
            }
            if case .listening = enclaveAt, replicas > 1 {
                throw ValidationError("--replicas goes with --enclave-at spawn or a command, which starts each")
            }
        }
        guard tee == "development" || developmentKey == nil else {
            throw ValidationError("--development-key goes with --tee development")
        }
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads takes 1 to 1024") }
        guard (1...1024).contains(workers ?? 1) else { throw ValidationError("--workers takes 1 to 1024") }
        guard (1...65536).contains(maximumWaiting) else {
            throw ValidationError("--maximum-waiting takes 1 to 65536")
        }
        guard (1...1024).contains(connectionsPerAddress) else {
            throw ValidationError("--connections-per-address takes 1 to 1024")
        }
        guard (1...EnclavePool.maximumReplicas).contains(replicas) else {
            throw ValidationError("--replicas takes 1 to \(EnclavePool.maximumReplicas)")
        }
        if case .command = enclaveAt, sandbox == .required {
            throw ValidationError(
                "--sandbox required does not go with a command of --enclave-at, which runs without restrictions")
        }
        guard (0...3600).contains(swapGrace) else { throw ValidationError("--swap-grace takes 0 to 3600 seconds") }
        _ = try origins()
        guard (0.1...600).contains(backnetTimeout) else {
            throw ValidationError("--backnet-timeout takes 0.1 to 600 seconds")
        }
        if let hedgeAfter {
            guard !backnet.isEmpty, hedgeAfter >= 0.001, hedgeAfter < backnetTimeout else {
                throw ValidationError("--hedge-after goes with --backnet; it takes 0.001 seconds to --backnet-timeout")
            }
        }
        guard (0.1...1000).contains(batchDelay ?? 1) else {
            throw ValidationError("--batch-delay takes 0.1 to 1000 milliseconds")
        }
        guard batchDelay == nil || backnet.isEmpty else {
            throw ValidationError("--batch-delay is for the BackNet on this process' own engine, without --backnet")
        }
        guard (0.1...3600).contains(requestTimeout) else {
            throw ValidationError("--request-timeout takes 0.1 to 3600 seconds")
        }
        guard otlp == nil || otlp.flatMap(TraceEndpoint.init) != nil else {
            throw ValidationError("--otlp takes http://HOST:PORT, without TLS")
        }
        _ = try places()
        _ = try ListenAddress(listen)
        _ = try adminAddress()
    }

    private func origins() throws -> AllowedOrigins {
        do throws(HostServerError) { return try AllowedOrigins(parsing: allowOrigin) } catch {
            throw ValidationError("--allow-origin: \(error.message); \(error.remedy)")
        }
    }

    /// Resources that the libraries of a server need.
    private func requireMachine() throws {
        // Event loops, the task pool, and a few threads of the host.
        requireThreads(2 * ProcessInfo.processInfo.processorCount + 16)
        _ = try DescriptorLimit(for: ServerLimits(), eventLoops: ProcessInfo.processInfo.processorCount)
    }

    private func places() throws -> BackNetPlaces {
        try BackNetPlaces(
            backnet, for: bundles.map(ServedBundle.name),
            limits: .init(attempt: .seconds(backnetTimeout), hedgeAfter: hedgeAfter.map { .seconds($0) }))
    }

    private func adminAddress() throws -> ListenAddress? {
        adminListen == "none" ? nil : try ListenAddress(adminListen)
    }

    /// Most requests run in parallel with one thread each, so that all processors are used if there are enough
    /// requests; a single request gets all threads.
    private func chosenWorkers(_ processors: Int) -> Int {
        guard enclaveAt == .spawn else { return workers ?? 1 }
        return workers ?? min(InferenceWorkers.defaultMaximum, max(1, processors / (threads ?? 1)))
    }

    /// The placement of enclaves, as a function of their number for a bundle: they share the processors.
    private func enclavePlacements(_ log: OperatorLog) throws -> (kind: TEEKind, of: Serving.Placements) {
        if let place = enclaveAt.place, let kind = tee.flatMap(TEEKind.init(rawValue:)) {
            let placement = EnclavePlacement(
                place, workers: chosenWorkers(1), tee: kind, completion: AzureQuotes.completion(kind))
            warn(of: kind, log)
            return (kind, { _ in placement })
        }
        let executable = try EnclaveExecutable(enclave)
        // Detection finds hardware or nothing: the development TEE has to be named.
        let kind = try tee.flatMap(TEEKind.init(rawValue:)) ?? executable.detectedTEE()
        let key = kind == .development ? try developmentKey ?? DevelopmentKeyFile.defaultPath() : nil
        warn(of: kind, log)
        let usable = UsableProcessors.count()
        let placements = (1...EnclavePool.maximumReplicas).map { replicas in
            let processors = max(1, usable / replicas)
            let workers = chosenWorkers(processors)
            return EnclavePlacement(
                .process(
                    executable: executable.path,
                    arguments: executable.arguments(
                        tee: kind, developmentKey: key, workers: workers,
                        threads: threads ?? max(1, processors / workers), alone: threads ?? processors,
                        sandbox: sandbox.rawValue)),
                workers: workers, tee: kind, completion: AzureQuotes.completion(kind))
        }
        return (kind, { placements[$0 - 1] })
    }

    private func warn(of kind: TEEKind, _ log: OperatorLog) {
        guard kind == .development else { return }
        log.write(LogLine(.warning, developmentWarning))
    }

    /// - Parameter config: The configuration file, which is read again on SIGHUP.
    /// - Returns: The restrictions of the sandbox that this kernel lacks, one sentence each.
    private func enterSandbox(_ config: String?) throws -> [String] {
        var (executable, written): (String?, [String]) = (nil, [])
        switch enclaveAt {
        // The operator's own program is not restricted.
        case .command:
            return sandbox == .none ? [] : ["this server, because --enclave-at starts the operator's own program"]
        case .listening(.unix(let path)): written.append(path)
        case .listening(.vsock): break
        case .spawn:
            executable = try EnclaveExecutable(enclave).path
            if tee == TEEKind.development.rawValue {
                written.append(try developmentKey ?? DevelopmentKeyFile.defaultPath())
            }
        }
        return try HostSandbox.enter(
            sandbox,
            HostSandbox.paths(bundles: bundles + [config].compactMap { $0 }, enclave: executable, written: written))
    }

    /// The displayed address; a socket of the service manager has its own.
    private func shown(_ address: ListenAddress, _ inherited: Int32?) -> ListenAddress {
        inherited.flatMap(InheritedSockets.address).map(ListenAddress.init) ?? address
    }

    func execute() async throws {
        guard let config else { return try await serve() }
        try await ServeConfiguration(config).settings().serve(following: config)
    }

    /// - Parameter config: The file of these options, if they do not come from the command line.
    private func serve(following config: String? = nil) async throws {
        let missing = try enterSandbox(config)
        // A signal that is ignored before this program re-executes itself in its sandbox stays ignored.
        HostServer.prepareSignals()
        let inherited = try InheritedSockets.taken()
        let address = shown(try ListenAddress(listen), inherited.clients)
        // A socket of the service manager serves operators, whatever the option's value.
        let admin =
            try adminAddress().map { shown($0, inherited.admin) }
            ?? inherited.admin
            .flatMap(InheritedSockets.address).map(ListenAddress.init)
        try requireMachine()
        let log = OperatorLog(format: logFormat, level: logLevel)
        for part in missing { log.write(LogLine(.warning, "not in the sandbox: \(part)")) }
        let (kind, placements) = try enclavePlacements(log)
        let serving = try await Serving(
            self, placements: placements, places: try places(), config: config, log: log)
        let models = serving.models
        do { for model in models.models { try await model.serving.begin() } } catch {
            for model in models.models { await model.stop() }
            throw error
        }
        let traces = otlp.flatMap(TraceEndpoint.init).map {
            TraceExporter(to: $0, version: SoftwareVersions.program) { log.write($0) }
        }
        traces?.start()
        var limits = ServerLimits()
        limits.connectionsPerAddress = connectionsPerAddress
        limits.requestTime = .seconds(requestTimeout)
        let server = HostServer(
            models: models, address: address.listening, admin: admin?.listening, limits: limits,
            origins: try origins(), log: log,
            build: [("version", SoftwareVersions.program), ("tee", kind.rawValue)],
            inherited: inherited, traces: traces, onReload: { await serving.reload() })
        let titles = serving.titles
        try await server.run { ports in
            log.serve()
            if let admin, let port = ports.adminPort {
                log.write(LogLine(.info, "admin listener at http://\(admin.urlHost):\(port)"))
            }
            for (name, title) in titles {
                let path = titles.count == 1 ? "" : "/models/\(name)"
                log.write(LogLine(.info, "serving \(title) at http://\(address.urlHost):\(ports.port)\(path)"))
            }
        }
        await traces?.stop()
        log.write(LogLine(.info, "stopped"))
        log.flush()
    }
}

extension OperatorLog.Format: ExpressibleByArgument {}
extension LogLine.Level: ExpressibleByArgument {}
extension Sandbox.Demand: ExpressibleByArgument {}

/// `HOST:PORT`, an IPv6 address in brackets.
struct ListenAddress {
    let host: String
    let port: Int

    init(_ address: ListeningAddress) { (host, port) = (address.hostname, address.port) }

    init(_ text: String) throws {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65535).contains(port), colon != text.startIndex
        else { throw ValidationError("'\(text)' is no address to listen on; write HOST:PORT") }
        host = text[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        self.port = port
    }

    /// The form in a URL.
    var urlHost: String { host.contains(":") ? "[\(host)]" : host }
    var listening: ListeningAddress { ListeningAddress(hostname: host, port: port) }
}
