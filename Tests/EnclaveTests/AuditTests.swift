// SPDX-License-Identifier: Apache-2.0
import EnclaveCore
import EnclaveFixtures
import Evidence
import Foundation
import Inference
import SealedChannel
import SecretMemory
import Tensors
import Testing
import Wire

/// An enclave whose owner has results of the host computed again.
final class AuditedHost {
    let host: TestHost
    private var sequence: UInt64 = 1
    private var evidence: EnclaveEvidence

    init(
        _ audit: AuditTerms, _ model: some BundledModel = TinyModel(isAllInside: false),
        workers: InferenceWorkers = InferenceWorkers()
    ) throws {
        host = try TestHost(try Deployment(model), workers: workers)
        try host.load()
        evidence = try host.evidence()
        let terms = ServiceTerms(sequence: 1, leaseSeconds: 3600, requestsInFlight: 8, audit: audit)
        guard try provision(terms).code == .bundleMissing else { throw Unexpected("no wish for the BackNet") }
        guard case .accepted = try host.send(host.deployment.loadBackNet()) else { throw Unexpected("no BackNet") }
        guard try provision(terms).code == nil else { throw Unexpected("provisioning was refused") }
    }

    /// - Returns: What the owner reads of the answer, or the code of a refusal.
    func provision(_ terms: ServiceTerms) throws -> (statistics: AuditStatistics?, code: EnclaveErrorCode?) {
        evidence = try host.evidence()
        let client = ClientGrant(
            token: host.deployment.token.digest, requests: 1_000_000, requestsPerMinute: 1_000_000)
        let (message, opener) = try host.deployment.provisioningWithAnswer(
            for: evidence, clients: [client], terms: terms)
        switch try host.send(.provision(ciphertext: message)) {
        case .refused(let code): return (nil, code)
        case .provisioned(let sealed):
            evidence = try host.evidence()
            guard !sealed.isEmpty else { return (nil, nil) }
            let plaintext = try opener.open(sealed.span.bytes)
            return (try AuditStatistics(decoding: plaintext.bytes), nil)
        default: throw Unexpected("another reply")
        }
    }

    /// Renews under these terms, and reads what was found until then.
    func renew(_ audit: AuditTerms?) throws -> AuditStatistics? {
        sequence += 1
        let answer = try provision(
            ServiceTerms(sequence: sequence, leaseSeconds: 3600, requestsInFlight: 8, audit: audit))
        guard answer.code == nil else { throw Unexpected("the renewal was refused") }
        return answer.statistics
    }

    /// - Parameters:
    ///   - picture: A tensor of the model's input; `nil` for the usual one.
    ///   - change: What the host does to the BackNet's result; `nil` in its place for another tensor.
    /// - Returns: The answer, and whether the host was asked.
    func classify(
        _ picture: Tensor? = nil, _ change: ([Float]) -> [Float]? = { $0 }
    ) throws -> (answer: ClassificationAnswer, askedHost: Bool) {
        try classify(try picture ?? Picture.floats()) { boundary in
            let honest = try TestHost.backNet(boundary).floats()
            return try change(honest).map { try Tensor($0, shape: [1, 2, 2, 2]) } ?? Tensor([Float(1)], shape: [1])
        }
    }

    func classify(
        _ picture: Tensor, backNet: ([Tensor]) throws -> Tensor
    ) throws -> (answer: ClassificationAnswer, askedHost: Bool) {
        let request = try host.deployment.request(picture, for: evidence, kem: .x25519)
        switch try host.send(.infer(message: request.message), requestID: 1 << 40) {
        case .answer(let bytes): return (try request.answer(bytes), false)
        case .intermediate(let tensors):
            let result = try backNet(tensors)
            guard case .answer(let bytes) = try host.send(.backNetResult([result]), requestID: 1 << 40) else {
                throw Unexpected("no answer")
            }
            return (try request.answer(bytes), true)
        default: throw Unexpected("no answer")
        }
    }
}

@Suite("Audit of the host's results")
struct AuditTests {
    private static let all = AuditTerms(share: AuditTerms.unit, mismatches: 3)

    private static func expectRight(_ answer: ClassificationAnswer, _ comment: Comment? = nil) {
        #expect(answer.status == .answered, comment)
        let expected = TinyModel.probabilities(Picture.values.map(Double.init)).max() ?? 0
        #expect(abs(Double(answer.entries.first?.probability ?? 0) - expected) < 1e-5, comment)
    }

    @Test(
        "A wrong result is replaced by the enclave's own and counted, and after the limit the host is not asked again"
    )
    func wrongResults() throws {
        let audited = try AuditedHost(Self.all)
        let lies: [([Float]) -> [Float]?] = [
            { $0.map { $0 + 1 } }, { $0.map { _ in .nan } }, { _ in nil },
        ]
        for lie in lies {
            let (answer, askedHost) = try audited.classify(nil, lie)
            #expect(askedHost)
            Self.expectRight(answer)
        }
        for _ in 0..<2 {
            let (answer, askedHost) = try audited.classify()
            #expect(!askedHost)
            Self.expectRight(answer)
        }
        var expected = AuditStatistics()
        (expected.results, expected.audited, expected.mismatches, expected.withoutHost) = (3, 3, 3, 2)
        #expect(try audited.renew(Self.all) == expected)
        // A renewal alone does not make the enclave ask the host again; a higher limit does.
        #expect(try !audited.classify().askedHost)
        #expect(try audited.renew(AuditTerms(share: AuditTerms.unit, mismatches: 4))?.withoutHost == 3)
        #expect(try audited.classify().askedHost)
        #expect(try audited.renew(nil)?.results == 4)
        // Without an audit a wrong result is used.
        #expect(try audited.classify { $0.map { $0 + 1 } }.answer.status == .answered)
        #expect(try audited.renew(nil)?.audited == 4)
    }

    @Test("A result within the tolerance is used, and one beyond it is replaced")
    func tolerance() throws {
        let audited = try AuditedHost(AuditTerms(share: AuditTerms.unit, tolerance: 10_000, mismatches: 100))
        func nudged(by part: Float) throws {
            _ = try audited.classify { values in
                let largest = values.reduce(0) { max($0, abs($1)) }
                return [values[0] + part * largest] + values.dropFirst()
            }
        }
        for part: Float in [1e-6, 0.009, -0.009] { try nudged(by: part) }
        #expect(try audited.renew(Self.all)?.mismatches == 0)
        for part: Float in [0.011, -0.011] { try nudged(by: part) }
        #expect(try audited.renew(Self.all)?.mismatches == 2)
    }

    @Test("If the correct result overflows, the request fails and no mismatch is counted")
    func overflow() throws {
        let audited = try AuditedHost(Self.all)
        let picture = try Tensor([Float](repeating: 1.2e38, count: 8), shape: [1, 2, 2, 2])
        #expect(try audited.classify(picture).answer.status == .failed)
        #expect(try audited.classify().askedHost)
        let statistics = try #require(try audited.renew(Self.all))
        #expect([statistics.results, statistics.audited, statistics.mismatches] == [2, 1, 0])
    }

    @Test("The tolerance for large values is finite")
    func largeValues() throws {
        let audited = try AuditedHost(Self.all)
        let picture = try Tensor([Float](repeating: 1e36, count: 8), shape: [1, 2, 2, 2])
        #expect(try audited.classify(picture).answer.status == .answered)
        #expect(try audited.renew(Self.all)?.mismatches == 0)
        #expect(try audited.classify(picture) { $0.map { _ in 0 } }.answer.status == .answered)
        #expect(try audited.renew(Self.all)?.mismatches == 1)
    }

    @Test("Wrong results are detected at the rate that the owner chose", arguments: [1, 5, 20])
    func rate(percent: Int) throws {
        // Large enough that finding nothing is more than five deviations from the mean.
        let count = max(1500, 4000 / percent)
        let share = Double(percent) / 100
        let audited = try AuditedHost(AuditTerms(share: UInt32(10_000 * percent), mismatches: .max))
        for _ in 0..<count { _ = try audited.classify { $0.map { $0 + 1 } } }
        let statistics = try #require(try audited.renew(nil))
        #expect(statistics.results == UInt64(count))
        #expect(statistics.mismatches == statistics.audited && statistics.audited > 0)
        let (mean, deviation) = (share * Double(count), (Double(count) * share * (1 - share)).squareRoot())
        // Five deviations: once in a million runs.
        #expect(abs(Double(statistics.mismatches) - mean) < 5 * deviation, "\(statistics.mismatches) of \(mean)")
    }

    @Test("Rounding differences of another engine count as no mismatch")
    func falseAlarms() throws {
        let audited = try AuditedHost(AuditTerms(share: AuditTerms.unit, mismatches: .max))
        let count = Int(ProcessInfo.processInfo.environment["INFENCLAVE_AUDITS"] ?? "") ?? 500
        for _ in 0..<count {
            // Slightly more than the differences between engines.
            let (answer, askedHost) = try audited.classify { $0.map { $0 * (1 + Float.random(in: -1e-4...1e-4)) } }
            #expect(askedHost && answer.status == .answered)
        }
        let statistics = try #require(try audited.renew(nil))
        #expect(statistics.audited == UInt64(count) && statistics.mismatches == 0)
    }

    @Test("Only the BackNet in the manifest is loaded, once, and only if an audit needs it")
    func loading() throws {
        let host = try TestHost.provisioned()
        var other = host.deployment.backNetFile
        other[other.count - 1] ^= 1
        #expect(try host.refusal(of: host.deployment.loadBackNet(other)) == .partRefused)
        #expect(try host.refusal(of: host.deployment.loadBackNet(other + [0])) == .partRefused)
        #expect(try host.refusal(of: host.deployment.loadBackNet()) == nil)
        #expect(try host.refusal(of: host.deployment.loadBackNet()) == .partRefused)
        #expect(try host.provision(terms: .init(sequence: 2, audit: Self.all)) == nil)
        #expect(try host.refusal(of: host.deployment.loadBackNet()) == .unexpected)
        let empty = try TestHost(try Deployment())
        #expect(try empty.refusal(of: empty.deployment.loadBackNet()) == .unexpected)
    }

    @Test("With several workers each request is audited separately")
    func workers() throws {
        let audited = try AuditedHost(Self.all, workers: InferenceWorkers(count: 2))
        Self.expectRight(try audited.classify { $0.map { $0 * 2 } }.answer)
        #expect(try audited.renew(nil)?.mismatches == 1)
    }

    @Test("After the lease the host loads the parts again, and the process continues its counts")
    func afterLease() throws {
        let audited = try AuditedHost(Self.all)
        _ = try audited.classify { $0.map { $0 + 1 } }
        _ = audited.host.advance(by: .seconds(3600))
        for message in audited.host.deployment.loadParts() { _ = try audited.host.send(message) }
        let answer = try audited.provision(ServiceTerms(sequence: 9, leaseSeconds: 60, audit: Self.all))
        #expect(answer.statistics?.mismatches == 1)
        Self.expectRight(try audited.classify { $0.map { $0 + 1 } }.answer)
    }
}
