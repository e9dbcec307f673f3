// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import EngineMessages
import HostCore
import HostServer
import OpenInferenceBackNet

#if GRPC_ENGINES
    import OpenInferenceGRPC
#endif

/// Where the BackNets of the served bundles run: in this process, or on the engines that `--backnet` names.
struct BackNetPlaces {
    private let engines: [String: [EngineAddress]]
    let limits: OpenInferenceBackNet.Limits

    /// - Parameters:
    ///   - options: `URL,…` for the only bundle, or `NAME=URL,…` for one of several.
    ///   - names: The names under which the bundles are served.
    init(
        _ options: [String], for names: [String], limits: OpenInferenceBackNet.Limits
    ) throws {
        var engines: [String: [EngineAddress]] = [:]
        for option in options {
            let parts = option.split(separator: "=", maxSplits: 1).map(String.init)
            let isNamed = parts.count == 2 && !parts[0].contains("/")
            guard isNamed || names.count == 1 else {
                throw ValidationError("with several bundles, --backnet takes NAME=ADDRESS,… for one of them")
            }
            let name = isNamed ? parts[0] : names[0]
            guard names.contains(name) else {
                throw ValidationError(
                    "--backnet names the model '\(name)'; served are \(names.joined(separator: ", "))")
            }
            guard engines[name] == nil else { throw ValidationError("--backnet names engines of '\(name)' twice") }
            do { engines[name] = try EngineAddress.list(isNamed ? parts[1] : option) } catch {
                throw ValidationError("--backnet: \(error)")
            }
        }
        self.engines = engines
        self.limits = limits
    }

    /// Empty for this process' own engine.
    func engines(of name: String) -> [EngineAddress] { engines[name] ?? [] }

    /// The client for an engine.
    ///
    /// - Throws: ``CommandFailure`` for a form of the protocol that this program does not contain.
    static func replica(_ address: EngineAddress, _ signature: BackNetSignature) throws -> any EngineReplica {
        switch address.transport {
        case .http: return HTTPReplica(address, signature: signature)
        case .grpc:
            #if GRPC_ENGINES
                return try GRPCReplica(address, signature: signature)
            #else
                throw CommandFailure(
                    "backnet", "\(address): this program does not support gRPC",
                    remedy:
                        "serve with infenclave-grpc (`make grpc` builds it), or use the engine's HTTP port and oip+http://"
                )
            #endif
        }
    }
}
