// SPDX-License-Identifier: Apache-2.0
import Evidence
import HostCore
import InfenclaveClient

/// Requests the quote of a TDX machine from Azure's network service.
enum AzureQuotes {
    /// All replicas share one report.
    private static let service = AzureQuoteService()

    /// - Returns: `nil` if the enclave's evidence is complete.
    static func completion(_ kind: TEEKind) -> EnclavePlacement.EvidenceCompletion? {
        guard kind == .azureTDX else { return nil }
        return { [service] in try await service.complete($0) }
    }
}
