// SPDX-License-Identifier: Apache-2.0
package import HostCore
import Synchronization

/// The models of a server. Each has its own enclave processes, so that data of two owners is never in one process.
package final class ModelRegistry: Sendable {
    private struct State {
        var models: [ServedModel]
        /// The model that paths without a model's name refer to.
        var short: ServedModel?
        var isStopping = false

        init(models: [ServedModel]) {
            self.models = models
            findShort()
        }

        /// A model that was the only one keeps the paths without a name when others are added, because its clients know
        /// only those.
        mutating func findShort() {
            if !models.contains(where: { $0 === short }) { short = nil }
            if models.count == 1 { short = models[0] }
        }
    }

    private let state: Mutex<State>

    /// - Throws: ``HostServerError`` if there are no models, if two have the same name, or if a name cannot be part of
    ///   a path.
    package init(_ models: [ServedModel]) throws(HostServerError) {
        for model in models { try Self.requireName(model.name) }
        guard Set(models.map(\.name)).count == models.count, !models.isEmpty else {
            throw HostServerError(
                message: "\(models.count) bundles have \(Set(models.map(\.name)).count) different names",
                remedy: "rename the folder of one: a model is served under its folder's name")
        }
        state = Mutex(State(models: models))
    }

    /// At least one.
    package var models: [ServedModel] { state.withLock(\.models) }
    var isStopping: Bool { state.withLock(\.isStopping) }

    /// - Parameter name: `nil` for the only model, or the one that was the only one before others were added.
    package subscript(name: String?) -> ServedModel? {
        state.withLock { state in
            guard let name else { return state.short }
            return state.models.first { $0.name == name }
        }
    }

    /// Adds a model.
    ///
    /// - Throws: ``HostServerError`` if the name cannot be part of a path, if another model has it, or if the server is
    ///   stopping.
    package func add(_ model: ServedModel) throws(HostServerError) {
        try Self.requireName(model.name)
        let isAdded = state.withLock { state in
            guard !state.isStopping, !state.models.contains(where: { $0.name == model.name }) else { return false }
            state.models.append(model)
            return true
        }
        guard !isAdded else { return }
        throw HostServerError(
            message: "'\(model.name)' is served already, or the server stops",
            remedy: "rename the bundle's folder: a model is served under its folder's name")
    }

    /// Removes a model.
    ///
    /// - Returns: The model, which runs until it is stopped; `nil` if none has the name, or if it is the only one.
    package func remove(_ name: String) -> ServedModel? {
        state.withLock { state in
            guard state.models.count > 1, let index = state.models.firstIndex(where: { $0.name == name }) else {
                return nil
            }
            defer { state.findShort() }
            return state.models.remove(at: index)
        }
    }

    private static func requireName(_ text: String) throws(HostServerError) {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isPlain, (1...64).contains(text.utf8.count), text != ".", text != ".." else {
            throw HostServerError(
                message: "'\(text)' is no name of a model: it takes 1 to 64 of the characters A-Z a-z 0-9 . _ -",
                remedy: "rename the bundle's folder")
        }
    }

    /// The state of all models together: `ready` if every model is, otherwise the state of the first that is not. The
    /// reason also names the unready replicas of a ready model.
    package var readiness: EnclaveHost.Readiness {
        get async {
            let models = models
            var reasons: [String] = []
            for model in models {
                let readiness = await model.readiness
                let reason = readiness.reason.map { models.count > 1 ? "\(model.name): \($0)" : $0 }
                guard readiness.state == .ready else {
                    return EnclaveHost.Readiness(state: readiness.state, reason: reason)
                }
                if let reason { reasons.append(reason) }
            }
            return EnclaveHost.Readiness(
                state: .ready, reason: reasons.isEmpty ? nil : reasons.joined(separator: "; "))
        }
    }

    func beginStopping() async {
        let models = state.withLock { state in
            state.isStopping = true
            return state.models
        }
        for model in models { await model.beginStopping() }
    }

    /// Ends all enclave processes at once: each may take a second.
    func stop() async {
        let models = state.withLock { state in
            state.isStopping = true
            return state.models
        }
        await withTaskGroup { group in
            for model in models { group.addTask { await model.stop() } }
        }
    }

    var metricsText: MetricsText {
        get async {
            var text = MetricsText()
            for model in models { text.add(await model.metricsText) }
            return text
        }
    }
}
