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
    @Option(help: "Threads of the BackNet and of the enclave; all cores unless said otherwise.") var threads: Int?
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
        guard (1...65536).contains(maximumWaiting) else {
            throw ValidationError("--maximum-waiting takes 1 to 65536")
        }
        _ = try ListenAddress(listen)
    }

    func execute() async throws {
        let address = try ListenAddress(listen)
        let opened = try OpenedBundle(opening: bundle)
        let executable = try EnclaveExecutable(enclave)
        // What is found is hardware or nothing: development is only ever served by name.
        let kind = try TEEKind(rawValue: tee) ?? executable.detectedTEE()
        let threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
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
        let host = try EnclaveHost(
            bundle: HostedBundle(consume opened),
            command: .init(
                executable: executable.path,
                arguments: executable.arguments(tee: kind, developmentKey: keyFile, threads: threads)),
            backNetThreads: threads, maximumWaiting: maximumWaiting
        ) { log.print("infenclave: \($0)") }
        try await host.start()
        let server = HostServer(
            host: host, hostname: address.host, port: address.port, logger: Logger(label: "infenclave"))
        try await server.run { port in
            log.serve()
            printError("infenclave: serving \(name) at http://\(address.urlHost):\(port)")
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
}

extension HostedBundle {
    init(_ bundle: OpenedBundle) {
        self.init(
            manifest: bundle.manifestBytes, manifestSignature: bundle.signature,
            ownerPublicKey: bundle.ownerPublicKey.bytes, frontNet: bundle.frontNet, mappingUnit: bundle.mappingUnit,
            backNet: bundle.backNet, backNetPrecision: bundle.backNetPrecision)
    }
}
