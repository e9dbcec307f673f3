// SPDX-License-Identifier: Apache-2.0
import HostCore
import ServiceLifecycle

/// A service with a time limit for finishing when the server stops. After that time the enclave is ended, so that
/// nothing waits for it.
struct Draining: Service {
    let service: any Service
    let models: ModelRegistry
    let log: OperatorLog
    let manager: ServiceManager?

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await service.run()
        } onGracefulShutdown: { [models, log, manager] in
            manager?.stopping()
            log.write(LogLine(.info, "stopping: finishing requests"))
            Task {
                await models.beginStopping()
                try? await Task.sleep(for: HostServer.drainTime)
                await models.stop()
            }
        }
    }
}

/// Reports liveness and state to the service manager. It asks the hosts for their state, so that a stalled host is
/// detected.
struct Heartbeat: Service {
    let models: ModelRegistry
    let manager: ServiceManager?

    func run() async throws {
        guard let manager else { return try await gracefulShutdown() }
        try? await cancelWhenGracefulShutdown {
            var known: EnclaveHost.State?
            while true {
                let state = await models.readiness.state
                if state != known, manager.status(state.rawValue) { known = state }
                if manager.watchdogInterval != nil { manager.isAlive() }
                try await Task.sleep(for: min(manager.watchdogInterval ?? .seconds(1), .seconds(1)))
            }
        }
    }
}
