package import HostCore

/// The models that a server has. Each has an enclave process of its own: nothing of two owners meets in one.
package struct ModelRegistry: Sendable {
    package struct Model: Sendable {
        /// As it stands in paths, in the log and in metrics.
        package let name: String
        package let host: EnclaveHost
        /// The largest body of its `/ohttp`.
        package let requestBytes: Int

        package init(name: String, host: EnclaveHost, requestBytes: Int = ServerLimits().requestBytes) {
            self.name = name
            self.host = host
            self.requestBytes = requestBytes
        }
    }

    /// At least one.
    package let models: [Model]

    /// - Throws: ``HostServerError`` for no models, two of one name, or a name that is no part of a path.
    package init(_ models: [Model]) throws(HostServerError) {
        for model in models where !Self.isName(model.name) {
            throw HostServerError(
                message: "'\(model.name)' is no name of a model: it takes 1 to 64 of the characters A-Z a-z 0-9 . _ -",
                remedy: "rename the bundle's folder")
        }
        guard Set(models.map(\.name)).count == models.count, !models.isEmpty else {
            throw HostServerError(
                message: "\(models.count) bundles have \(Set(models.map(\.name)).count) different names",
                remedy: "rename the folder of one: a model is served under its folder's name")
        }
        self.models = models
    }

    /// - Parameter name: `nil` for the only model there is.
    package subscript(name: String?) -> Model? {
        guard let name else { return models.count == 1 ? models[0] : nil }
        return models.first { $0.name == name }
    }

    private static func isName(_ text: String) -> Bool {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        return isPlain && (1...64).contains(text.utf8.count) && text != "." && text != ".."
    }

    /// Of all together: `ready` when every model is, else as the first that is not.
    package var readiness: EnclaveHost.Readiness {
        get async {
            for model in models {
                let readiness = await model.host.readiness
                guard readiness.state != .ready else { continue }
                let reason = readiness.reason.map { models.count > 1 ? "\(model.name): \($0)" : $0 }
                return EnclaveHost.Readiness(state: readiness.state, reason: reason)
            }
            return EnclaveHost.Readiness(state: .ready, reason: nil)
        }
    }

    func beginStopping() async { for model in models { await model.host.beginStopping() } }

    /// Ends all enclave processes at once: each may take a second.
    func stop() async {
        await withTaskGroup { group in
            for model in models { group.addTask { await model.host.stop() } }
        }
    }

    var metricsText: MetricsText {
        get async {
            var text = MetricsText()
            for model in models { text.add(await model.host.metricsText(labels: [("model", model.name)])) }
            return text
        }
    }
}
