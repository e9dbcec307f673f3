// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Synchronization

/// Sends requests over several connections, one thread each.
final class LoadRun: Sendable {
    private let source: any LoadSource
    private let schedule: LoadSchedule
    private let address: LoadAddress
    private let connections: Int
    private let start = ContinuousClock.now
    private let tally = Mutex(LoadTally())

    /// Renewal interval. Channel keys are replaced after 100,000 requests and stay valid for a minute more.
    private static let renewal = Duration.seconds(20)

    init(source: any LoadSource, schedule: LoadSchedule, address: LoadAddress, connections: Int) {
        self.source = source
        self.schedule = schedule
        self.address = address
        self.connections = connections
    }

    private var now: Duration { ContinuousClock.now - start }

    func run() async -> LoadReport {
        let running = Mutex(connections)
        let processorBefore = Self.processorSeconds
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            for index in 0..<connections {
                let thread = Thread { [self] in
                    let own = runConnection(renews: index == 0)
                    tally.withLock { $0.add(own) }
                    let isLast = running.withLock { running in
                        running -= 1
                        return running == 0
                    }
                    if isLast { done.resume() }
                }
                thread.name = "load"
                thread.start()
            }
        }
        let measured = max(now, schedule.end) - schedule.warmUp
        return LoadReport(
            tally.withLock { $0 }, connections: connections, schedule: schedule, measured: measured,
            processorSeconds: Self.processorSeconds - processorBefore)
    }

    private func runConnection(renews: Bool) -> LoadTally {
        var tally = LoadTally()
        var renewed = Duration.zero
        let connection = LoadConnection(address, path: source.path, headers: source.headers)
        // A request that was refused for lack of capacity was not decrypted by the enclave, so it can be sent again.
        var kept: LoadRequest?
        while let turn = schedule.next(at: now) {
            do {
                let request = try kept ?? source.next()
                kept = nil
                if let due = turn.due { Self.sleep(due - now) }
                let begin = turn.due ?? now
                if turn.due != nil, now - begin > .milliseconds(10) { tally.late += 1 }
                let sent = now
                let outcome = self.outcome(of: request, over: connection)
                // An answer's time counts from when it was due, a refusal's from when the request was sent.
                var counted = begin
                if case .refused = outcome.kind { counted = sent }
                if begin >= schedule.warmUp { tally.count(outcome, taking: outcome.received - counted) }
                if case .refused("overloaded", _) = outcome.kind { kept = request }
                if outcome.wantsRenewal { source.renew() }
                // Pauses, so that other connections make progress.
                if case .failed = outcome.kind { Self.sleep(.milliseconds(20)) }
            } catch {
                tally.count(Outcome(kind: .failed("unsealed"), received: now), taking: .zero)
                Self.sleep(.milliseconds(20))
            }
            if renews, now - renewed > Self.renewal {
                renewed = now
                source.renew()
            }
        }
        return tally
    }

    struct Outcome {
        enum Kind {
            case answered
            /// Refused by the host, with a status that invites a retry.
            case refused(String, hasRetryAfter: Bool)
            case failed(String)
        }

        let kind: Kind
        let received: Duration
        var wantsRenewal = false
    }

    private func outcome(of request: LoadRequest, over connection: LoadConnection) -> Outcome {
        do throws(LoadConnection.Failure) {
            let answer = try connection.post(request.body)
            let received = now
            let code = answer.headers["infenclave-error"] ?? "\(answer.status)"
            switch answer.status {
            case 200:
                let refusal = request.check(answer.body)
                return Outcome(kind: refusal.map { .failed($0) } ?? .answered, received: received)
            case 429, 503:
                return Outcome(
                    kind: .refused(code, hasRetryAfter: answer.headers["retry-after"] != nil), received: received)
            default:
                let wantsKeys = code == "unknownKey" || code == "undecipherable"
                return Outcome(kind: .failed(code), received: received, wantsRenewal: wantsKeys)
            }
        } catch { return Outcome(kind: .failed(error.name), received: now) }
    }

    private static func sleep(_ duration: Duration) {
        guard duration > .zero else { return }
        Thread.sleep(forTimeInterval: duration / .seconds(1))
    }

    /// Processor time of this process so far. POSIX fixes the unit of `clock`.
    private static var processorSeconds: Double { Double(clock()) / 1e6 }
}
