// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Attestation
import Evidence
import Foundation
import InfenclaveClient
import Partitioning
import SealedChannel

struct Measure: Command {
    static let configuration = CommandConfiguration(
        abstract: "Print the values that a policy pins: of the bundle, and of the enclave that serves it.",
        discussion: """
            For development they are computed from the enclave's executable. A hardware TEE measures what it was \
            started with, so its values are read on the serving machine, or from evidence saved there. They are \
            that machine's statement, not a released reference value; compare them with a machine of your own.
            """)

    @Argument(help: "The bundle, NAME.infenclave; not with --image.") var bundle: String?
    @Option(
        help: ArgumentHelp(
            "The TEE: development, sgx, tdx, snp, nitro, az-snp or az-tdx; not with --image.", valueName: "kind"))
    var tee: String?
    @Option(help: ArgumentHelp("Recompute the values of a folder that `infenclave image` wrote.", valueName: "dir"))
    var image: String?
    @Option(
        help: ArgumentHelp(
            "Compute RTMR0 to RTMR3 from the event log (CCEL) of a TDX guest.",
            discussion: "A log is not signed: pin its result only if you know what each of its events is.",
            valueName: "file"))
    var eventLog: String?
    @Flag(help: "With --image and --event-log: print each step.") var explain = false
    @Option(
        help: ArgumentHelp(
            "With --image of an SNP image: print its launch digests for 1 to this many processors, and all models.",
            discussion: "The digest also depends on SEV_FEATURES, which the host's kernel sets.", valueName: "n"))
    var table: Int?
    @Option(help: ArgumentHelp("The enclave's executable.", valueName: "file")) var enclave: String?
    @Option(
        help: ArgumentHelp(
            "Read a hardware TEE's values from this saved evidence instead of this machine.", valueName: "file"))
    var evidence: String?
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        let isComputed = image != nil || eventLog != nil
        guard isComputed == (bundle == nil), image == nil || eventLog == nil,
            !isComputed || tee == nil && enclave == nil && evidence == nil
        else {
            throw ValidationError("give BUNDLE --tee KIND, or --image DIR alone, or --event-log FILE alone")
        }
        guard isComputed || !explain else { throw ValidationError("--explain is for --image and --event-log") }
        guard table == nil || image != nil && !explain, table.map({ (1...512).contains($0) }) ?? true else {
            throw ValidationError("--table takes 1 to 512 processors, with --image DIR and without --explain")
        }
        guard !isComputed else { return }
        guard let tee, TEEKind(rawValue: tee) != nil else {
            throw ValidationError("--tee takes \(TEEKind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        guard evidence == nil || tee != TEEKind.development.rawValue else {
            throw ValidationError("--evidence is for hardware; development is computed from the executable")
        }
    }

    func execute() async throws {
        if let image { return try measureImage(image) }
        if let eventLog { return try measureLog(eventLog) }
        let (bundle, tee) = (bundle ?? "", tee ?? "")
        let opened = try OpenedBundle(opening: bundle)
        let kind = TEEKind(rawValue: tee) ?? .development
        var values = Measured(
            tee: tee, ownerPublicKey: opened.ownerPublicKey.description,
            manifestDigest: opened.manifestDigest.description)
        if kind == .development {
            values.measurements = ["development": try EnclaveExecutable(enclave).measurement()]
        } else {
            try await read(kind, into: &values)
        }
        if json {
            try printJSON(values)
        } else {
            for (name, value) in values.lines { print("\(name): \(value)") }
        }
        if kind != .development {
            printError("warning: these values are what one machine says of itself; nothing was verified")
        }
    }

    /// - Throws: ``CommandFailure`` when `measured.json` disagrees with the files.
    private func measureImage(_ path: String) throws {
        let folder = EnclaveImageFolder(path)
        let measured = try folder.measured()
        let written = try Measured.read("\(path)/measured.json")
        guard written == measured.values else {
            throw CommandFailure(
                "measured", "\(path)/measured.json is not of the files beside it",
                remedy: "make the image again, or find out who changed it")
        }
        guard let table else { return try measured.show(explain: explain, json: json) }
        let launches = try folder.launchTable(upTo: table)
        if json { return try printJSON(launches) }
        for launch in launches {
            print("\(launch.processorModel) \(launch.processors) \(launch.features) \(launch.measurement)")
        }
    }

    private func measureLog(_ path: String) throws {
        let replay = try EventLogReplay(
            parsing: [UInt8](try InputFile.read(path, maximumBytes: EventLog.maximumBytes)))
        var values = Measured(tee: TEEKind.tdx.rawValue)
        for (number, value) in replay.registers.enumerated() { values.measurements["rtmr\(number)"] = value.hex }
        if json { return try printJSON(values) }
        if explain { for line in replay.explanation { print(line) } }
        for (name, value) in values.lines { print("\(name): \(value)") }
        printError("warning: an event log is not signed; compare the values with a quote, or with events that you know")
    }

    private func read(_ kind: TEEKind, into values: inout Measured) async throws {
        let tee = kind.rawValue
        let bytes: [UInt8]
        if let evidence {
            bytes = [UInt8](try InputFile.read(evidence, maximumBytes: 1 << 20))
        } else {
            do {
                bytes = try await AzureQuoteService().complete(EnclaveExecutable(enclave).report(kind))
            } catch let failure as CommandFailure {
                throw CommandFailure(
                    failure.code, failure.message,
                    remedy: "run this where the \(tee) enclave runs, or name evidence saved there with --evidence FILE")
            }
        }
        // Verification extracts the claims of the evidence before it fails for want of collateral.
        let now = Timestamp(secondsSince1970: Int64(Date().timeIntervalSince1970))
        let verdict = SavedEvidenceAppraiser(policy: nil).verdict(
            on: VerificationRequest(tee: kind, evidence: bytes, at: now))
        let report = VerdictReport(verdict)
        let isOther = verdict.failures.contains { $0.entry.check == .teeKind }
        guard !isOther, !report.measurements.isEmpty else {
            throw CommandFailure(
                "evidence", "the evidence is not of \(tee): \(verdict.summary)",
                remedy: "name the right kind with --tee")
        }
        guard !kind.isAzure || report.measurements["pcr4"] != nil else {
            throw CommandFailure(
                "evidence", "the registers in the evidence are not those that the TPM's quote is over",
                remedy: "collect the evidence again on a machine that you trust")
        }
        if report.debug { printError("warning: the TEE runs in debug mode: its measurements prove nothing") }
        (values.measurements, values.securityVersions) = (report.measurements, report.securityVersions)
        values.flags = verdict.claims.flags
    }
}
