// SPDX-License-Identifier: Apache-2.0
import Foundation
import HostCore
import HostServer
import SealedChannel
import Wire

/// The served models of `serve`, and their updates when bundles on disk or the configuration change.
final class Serving: Sendable {
    /// The placement of a bundle's enclaves, as a function of their number: 1 to ``EnclavePool/maximumReplicas``.
    typealias Placements = @Sendable (Int) -> EnclavePlacement

    let models: ModelRegistry
    /// The models' names in paths, and their own names.
    let titles: [(name: String, title: String)]
    private let reloader: Reloader

    /// Opens the bundles and compiles their BackNets; no enclave is started.
    ///
    /// - Parameter config: The file of the settings; `nil` for the command line.
    init(
        _ settings: Serve, placements: @escaping Placements, places: BackNetPlaces, config: String?,
        log: OperatorLog
    ) async throws {
        let bundles = ServedBundles(settings, placements: placements, places: places, log: log)
        var (models, titles): ([ServedModel], [(String, String)]) = ([], [])
        for path in settings.bundles {
            let (model, title) = try await bundles.model(path, isOnly: settings.bundles.count == 1)
            models.append(model)
            titles.append((model.name, title))
        }
        self.titles = titles
        self.models = try ModelRegistry(models)
        reloader = Reloader(settings, bundles: bundles, models: self.models, config: config, log: log)
    }

    /// Reads the configuration and the bundles again. Unusable input is logged and changes nothing.
    func reload() async { await reloader.reload() }
}

/// Creates the served models of bundles.
private struct ServedBundles: Sendable {
    let placements: Serving.Placements
    let places: BackNetPlaces
    let log: OperatorLog
    private let threads: Int
    private let maximumWaiting: Int
    private let batchDelay: Duration?
    private let limits: ServedModel.Limits
    var replicas: Int

    init(
        _ settings: Serve, placements: @escaping Serving.Placements, places: BackNetPlaces, log: OperatorLog
    ) {
        (self.placements, self.places, self.log) = (placements, places, log)
        threads = settings.threads ?? UsableProcessors.count()
        maximumWaiting = settings.maximumWaiting
        batchDelay = settings.batchDelay.map { .milliseconds(1) * $0 }
        replicas = settings.replicas
        var limits = ServedModel.Limits()
        limits.grace = .seconds(settings.swapGrace)
        self.limits = limits
    }

    private func lines(_ name: String, isOnly: Bool) -> @Sendable (LogLine) -> Void {
        { [log] line in log.write(isOnly ? line : line.adding(["model": .text(name)])) }
    }

    private func open(_ path: String, isOnly: Bool) async throws -> ServedBundle {
        try await ServedBundle(
            path,
            under: .init(
                placement: placements(replicas), replicas: replicas, threads: threads, places: places,
                maximumWaiting: maximumWaiting, batchDelay: batchDelay), log: log,
            lines: lines(ServedBundle.name(path), isOnly: isOnly))
    }

    func model(_ path: String, isOnly: Bool) async throws -> (model: ServedModel, title: String) {
        let bundle = try await open(path, isOnly: isOnly)
        let (name, title, lines) = (bundle.name, bundle.title, lines(bundle.name, isOnly: isOnly))
        let pool = try bundle.pool(KeySlot.first(replicas), lines: lines)
        return (ServedModel(name: name, pool: pool, limits: limits, log: lines), title)
    }

    /// Starts a pool for the changed bundle beside the serving one.
    func stage(_ path: String, for model: ServedModel, isOnly: Bool) async throws {
        let bundle = try await open(path, isOnly: isOnly)
        guard let slots = await model.slots(for: replicas) else { return }
        try await model.stage(
            try bundle.pool(slots, metrics: model.metrics, lines: lines(model.name, isOnly: isOnly)))
    }
}

/// Updates the served models to the requested ones.
private actor Reloader {
    private var bundles: ServedBundles
    private var paths: [String]
    private var configuration: ServeConfiguration?
    private let isFixed: Bool
    private let models: ModelRegistry
    private let config: String?
    private let log: OperatorLog
    /// Models whose update is running, and whether it has to be repeated.
    private var following: [String: Bool] = [:]
    private var lastTurn: Task<Void, Never>?

    /// The time for a removed model to complete its requests.
    private static let drainTime = Duration.seconds(10)

    init(_ settings: Serve, bundles: ServedBundles, models: ModelRegistry, config: String?, log: OperatorLog) {
        (self.bundles, self.models, self.config, self.log) = (bundles, models, config, log)
        paths = settings.bundles
        configuration = config.flatMap { try? ServeConfiguration($0) }
        // A connection belongs to one enclave.
        isFixed = if case .listening = settings.enclaveAt { true } else { false }
    }

    /// Starts the updates, one task for each model.
    func reload() {
        guard readConfiguration() else { return }
        guard !isFixed else {
            return log.write(
                LogLine(.warning, "an enclave that dials gets another bundle only after a restart of the server"))
        }
        for path in paths { follow(ServedBundle.name(path)) }
        endOthers()
    }

    /// Ends the models that are no longer requested.
    private func endOthers() {
        let names = Set(paths.map(ServedBundle.name))
        for model in models.models where !names.contains(model.name) { end(model.name) }
    }

    /// Updates a model independently of the others, so that one that waits for the end of a grace period does not delay
    /// them.
    private func follow(_ name: String) {
        guard following[name] == nil else {
            following[name] = true
            return
        }
        following[name] = false
        Task {
            repeat {
                following[name] = false
                await models[name]?.waitForRoom()
                await inTurn {
                    // The requested state may have changed in the meantime.
                    guard let path = await self.path(of: name) else { return }
                    await self.bring(path)
                }
            } while following[name] == true
            following[name] = nil
            endOthers()
        }
    }

    private func path(of name: String) -> String? { paths.first { ServedBundle.name($0) == name } }

    /// Bundles are opened and compiled one after another, because each needs memory and all processors.
    private func inTurn(_ work: @escaping @Sendable () async -> Void) async {
        let before = lastTurn
        let turn = Task {
            await before?.value
            await work()
        }
        lastTurn = turn
        await turn.value
    }

    /// - Returns: Whether an update is needed.
    private func readConfiguration() -> Bool {
        guard let config else { return true }
        let (found, settings): (ServeConfiguration, Serve)
        do {
            found = try ServeConfiguration(config)
            settings = try found.settings()
        } catch {
            log.write(LogLine(.error, "the configuration cannot be used: \(CommandFailure(error).message)"))
            return false
        }
        if let before = configuration {
            for name in found.fixedMembers(otherThanIn: before) {
                log.write(LogLine(.warning, "\(config): '\(name)' has changed, which needs a restart of the server"))
            }
        }
        configuration = found
        (paths, bundles.replicas) = (settings.bundles, settings.replicas)
        log.level = settings.logLevel
        return true
    }

    private func bring(_ path: String) async {
        let name = ServedBundle.name(path)
        let isOnly = paths.count == 1
        do {
            guard let model = models[name] else { return try await begin(path, isOnly: isOnly) }
            let core = [UInt8](try InputFile.read(path + "/manifest.core", maximumBytes: 1 << 16))
            let digest = ContentDigest(of: core).bytes
            func isOf(_ pool: EnclavePool) -> Bool {
                pool.manifestDigest == digest && pool.members.count == bundles.replicas
            }
            if isOf(model.serving) {
                guard model.staged != nil else { return }
                log.write(LogLine(.info, "\(path) is the served bundle again: the staged pool is dropped"))
                return await model.unstage()
            }
            guard model.staged.map(isOf) != true else { return }
            try await bundles.stage(path, for: model, isOnly: isOnly)
        } catch {
            log.write(
                LogLine(
                    .error, "\(path) cannot be used, and the served bundle stays: \(CommandFailure(error).message)",
                    ["model": .text(name)]))
        }
    }

    private func begin(_ path: String, isOnly: Bool) async throws {
        let (model, title) = try await bundles.model(path, isOnly: isOnly)
        do {
            try await model.serving.begin()
            try models.add(model)
        } catch {
            await model.stop()
            throw error
        }
        log.write(LogLine(.info, "serving \(title) at /models/\(model.name)"))
    }

    private func end(_ name: String) {
        guard let model = models.remove(name) else { return }
        log.write(LogLine(.info, "no longer serving /models/\(name)"))
        Task {
            await model.beginStopping()
            let deadline = ContinuousClock.now + Self.drainTime
            while model.waiting > 0, ContinuousClock.now < deadline { try? await Task.sleep(for: .milliseconds(100)) }
            await model.stop()
        }
    }
}
