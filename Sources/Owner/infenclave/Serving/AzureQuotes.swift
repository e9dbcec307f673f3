// SPDX-License-Identifier: Apache-2.0
import Evidence
import HostCore
import InfenclaveClient

/// On Azure, a service of the network makes the quote of a TDX machine.
enum AzureQuotes {
    /// All replicas have one report.
    private static let service = AzureQuoteService()

    /// - Returns: `nil` where the enclave's evidence is complete.
    static func completion(_ kind: TEEKind) -> EnclavePlacement.EvidenceCompletion? {
        guard kind == .azureTDX else { return nil }
        return { [service] in try await service.complete($0) }
    }
}
