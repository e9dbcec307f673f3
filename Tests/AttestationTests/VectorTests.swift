// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Evidence
import Foundation
import TestSupport
import Testing

@Suite("Shared attestation vectors", .enabled(if: Vectors.arePresent, Comment(rawValue: SharedFiles.absence)))
struct VectorTests {
    @Test("Every vector gets its expected verdict, for a reason of the expected group", arguments: Vectors.cases)
    func verdict(_ vector: Vectors.Case) throws {
        let input = try VectorInput(vector.path, vector.expectation, at: vector.verifyAt)
        let verdict = try input.appraisal(vector.policy).verdict()
        expect(verdict, vector.expected, vector.reasonCodes)

        let parsed = vector.expectation.parsed
        let claims = verdict.claims
        if vector.expected == "accept" || vector.reasonCodes.contains("tcb_status_not_allowed") {
            #expect(claims.tcbStatus?.rawValue == parsed.tcbStatus)
            #expect(claims.advisories == (parsed.advisories ?? []).sorted())
        }
        if vector.expected == "accept" {
            #expect(claims.isDebug == parsed.debug)
            #expect(!claims.measurements.isEmpty)
            #expect(claims.reportData.hex == (parsed.texts["report_data"] ?? parsed.texts["user_data"] ?? ""))
        }
        // Measurements are read before anything is verified, so refused evidence has them too.
        for measurement in claims.measurements {
            let name = measurement.name
            let expected =
                name.hasPrefix("pcr") ? parsed.pcrs?[String(name.dropFirst(3))] : parsed.texts[name]
            // Fields that the vectors do not list, such as an enclave's family id.
            guard expected != nil || vector.expectation.tee == "nitro" else { continue }
            #expect(measurement.value.hex == expected, "\(name)")
        }
    }

    @Test("Every mutation gets its expected verdict, for a reason of the expected group", arguments: Vectors.mutations)
    func mutation(_ mutation: Vectors.Mutation) throws {
        let verdict = try mutation.input().verdict()
        expect(verdict, mutation.expected, mutation.reasonCodes)
    }

    @Test("All vectors and mutations of the set are found")
    func count() {
        #expect(Vectors.cases.count > 100)
        #expect(Vectors.mutations.count > 400)
    }

    private func expect(
        _ verdict: Verdict, _ expected: String, _ codes: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let found = verdict.failures.map(\.code.rawValue)
        #expect(
            verdict.isAccepted == (expected == "accept"), "\(verdict.summary), expected \(expected) \(codes)",
            sourceLocation: sourceLocation)
        let isRightGroup = Set(found.compactMap(Vectors.group)) == Set(codes.compactMap(Vectors.group))
        #expect(isRightGroup, "\(found), expected \(codes)", sourceLocation: sourceLocation)
        if found != codes, ProcessInfo.processInfo.environment["ATTESTATION_SHOW_ORDER"] != nil {
            print("order: \(found) for \(codes)")
        }
    }
}
