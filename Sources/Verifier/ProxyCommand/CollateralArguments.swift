// SPDX-License-Identifier: Apache-2.0
package import ArgumentParser
import Attestation
import Evidence
package import InfenclaveClient

/// The sources of the vendor's collateral, and the record of collateral that was accepted before.
package struct CollateralArguments: ParsableArguments {
    @Option(
        help:
            ArgumentHelp(
                "A folder with the vendor's collateral, files named by role: tcb_info.json, pck_crl.der, vcek.der, event_log.bin, …",
                valueName: "dir")
    )
    package var collateral: String?
    @Option(
        help: ArgumentHelp(
            "A cache of Intel's collateral, https://HOST:PORT, for SGX and TDX.",
            discussion: "One with the interface of Intel's PCCS. It need not be trusted. Files take precedence.",
            valueName: "url"))
    package var pccs: String?
    @Option(
        help: ArgumentHelp(
            "A file with the dates of accepted collateral; older collateral is refused.",
            discussion: "Default for servers: a file in the user's state folder.",
            valueName: "file"))
    package var collateralHistory: String?

    package init() {}

    package func sources() throws -> CollateralSources {
        CollateralSources(
            files: try collateral.map(CollateralFolder.read) ?? [:],
            cache: try pccs.map { try CollateralCache(url: $0) })
    }

    /// The named file; by default one in the user's state folder.
    package func history() throws -> CollateralHistory {
        try collateralHistory.map { .file($0) } ?? .ofUser()
    }

    /// The event log of a trust domain, if the folder has one.
    package func eventLog() throws -> [UInt8]? { try collateral.map(CollateralFolder.read)?[.eventLog] }

    /// The options as arguments of a command line.
    package var arguments: [String] {
        (collateral.map { ["--collateral", $0] } ?? []) + (pccs.map { ["--pccs", $0] } ?? [])
            + (collateralHistory.map { ["--collateral-history", $0] } ?? [])
    }
}
