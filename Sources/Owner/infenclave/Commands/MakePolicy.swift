// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Attestation
import Evidence
import Foundation
import Partitioning
import SealedChannel

struct MakePolicy: Command {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "Write a policy that pins the owner's key, the bundle's manifest and the enclave's measurement.")

    @Argument(help: "The bundle, NAME.infenclave.") var bundle: String
    @Option(
        help: ArgumentHelp(
            "The TEE that the service will run in: sgx, tdx, snp, nitro, az-snp, az-tdx or development.",
            valueName: "kind")) var tee: String
    @Option(help: ArgumentHelp("The policy to write.", valueName: "file")) var out: String
    @Option(
        help: ArgumentHelp(
            "Hardware: measured.json of an image, or what `infenclave measure BUNDLE --tee KIND --json` printed for an enclave that you trust.",
            discussion:
                "The policy accepts exactly these values. Unless `infenclave image` computed them, they must come from your own machine.",
            valueName: "file"))
    var measured: String?
    @Option(
        help: ArgumentHelp(
            "SNP and TDX, with an image: a minimum version of the platform, NAME=NUMBER; repeatable.",
            discussion:
                "SNP: bl, tee, snp and ucode (and fmc on Turin); AMD's bulletins, and `infenclave attest` on your machine, give the values. TDX: module, 0 by default, because Intel's TCB status covers it.",
            valueName: "name=n"))
    var minimumTCB: [String] = []
    @Option(
        help: ArgumentHelp(
            "SGX and TDX: the minimum tcbEvaluationDataNumber of Intel's collateral.",
            discussion: "Use that of your current TCB info; older evaluations are refused.", valueName: "n"))
    var minimumEvaluationDataNumber: Int?
    @Option(help: ArgumentHelp("Development: the enclave's executable.", valueName: "file")) var enclave: String?
    @Option(help: ArgumentHelp("Development: the file of its signing key.", valueName: "file")) var developmentKey:
        String?

    func validate() throws {
        guard let kind = TEEKind(rawValue: tee) else {
            throw ValidationError("--tee takes \(TEEKind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let isIntel = kind.hardware == .sgx || kind.hardware == .tdx
        if kind == .development, measured != nil {
            throw ValidationError("--measured is for hardware; development is computed from the executable")
        }
        if kind != .development, enclave != nil || developmentKey != nil {
            throw ValidationError("--enclave and --development-key are for the development TEE")
        }
        guard minimumTCB.isEmpty || measured != nil else {
            throw ValidationError("--minimum-tcb goes with --measured")
        }
        _ = try leastVersions()
        guard isIntel || minimumEvaluationDataNumber == nil else {
            throw ValidationError("--minimum-evaluation-data-number is for sgx and tdx")
        }
        if let minimumEvaluationDataNumber, minimumEvaluationDataNumber < 0 {
            throw ValidationError("--minimum-evaluation-data-number takes 0 or more")
        }
    }

    func execute() async throws {
        let opened = try OpenedBundle(opening: bundle)
        let kind = TEEKind(rawValue: tee) ?? .development
        let own = Measured(
            tee: tee, ownerPublicKey: opened.ownerPublicKey.description,
            manifestDigest: opened.manifestDigest.description)
        var policy = kind == .development ? try development(own) : try hardware(kind, of: own)
        policy.demand(opened.core.service)
        try OutputFile.write(try policy.encoded(), to: out)
        print("wrote \(out): it accepts only this bundle in this build of the enclave")
        print(
            opened.core.service.isEverythingInside
                ? "it demands everything inside"
                    + (kind == .development ? "" : ": neither the host nor the owner sees a picture or its answer")
                : "the host sees \(opened.core.service.boundaryByteCount) bytes of each picture's intermediate representation"
        )
        print("the bundle's owner has the key \(opened.ownerPublicKey): compare it with what the owner told you")
        if kind == .development {
            printError("warning: a policy for the development TEE is for trials on machines that you own")
        }
    }

    private func development(_ own: Measured) throws -> PinnedPolicy {
        let executable = try EnclaveExecutable(enclave)
        var measured = own
        measured.measurements = ["development": try executable.measurement()]
        let keyFile = try developmentKey ?? DevelopmentKeyFile.defaultPath()
        return try PinnedPolicy(development: measured, key: try executable.developmentKey(keyFile))
    }

    private func leastVersions() throws -> [String: Int] {
        var versions: [String: Int] = [:]
        for text in minimumTCB {
            let parts = text.split(separator: "=", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, let number = Int(parts[1]), (0...65_535).contains(number),
                versions.updateValue(number, forKey: String(parts[0])) == nil
            else { throw ValidationError("--minimum-tcb takes NAME=NUMBER, each name once, such as ucode=219") }
        }
        return versions
    }

    private func hardware(_ kind: TEEKind, of own: Measured) throws -> PinnedPolicy {
        guard let measured else {
            throw CommandFailure(
                "policy", "the measurements of an enclave of kind \(tee) depend on the image that it is started from",
                remedy:
                    "make one with `infenclave image` and give its measured.json with --measured; or run `infenclave measure "
                    + "BUNDLE --tee \(tee) --json` where the enclave runs, and give the output"
            )
        }
        var values = try Measured.read(measured)
        let isImage = values.ownerPublicKey == nil && values.manifestDigest == nil
        if isImage { (values.ownerPublicKey, values.manifestDigest) = (own.ownerPublicKey, own.manifestDigest) }
        guard values.tee == own.tee, values.ownerPublicKey == own.ownerPublicKey,
            values.manifestDigest == own.manifestDigest
        else {
            throw CommandFailure(
                "measured", "\(measured) is of another TEE, owner or bundle than '\(bundle)' for \(tee)",
                remedy: "measure this bundle, with --tee \(tee)")
        }
        if kind.hardware == .sgx || kind.hardware == .tdx, minimumEvaluationDataNumber == nil {
            throw CommandFailure(
                "policy", "\(tee) needs --minimum-evaluation-data-number",
                remedy: "give the tcbEvaluationDataNumber of your current TCB info")
        }
        var versions = try leastVersions()
        if isImage, kind == .tdx { versions.merge(["module": 0]) { first, _ in first } }
        if isImage, kind == .snp {
            let missing = ["bl", "tee", "snp", "ucode"].filter { versions[$0] == nil }
            guard missing.isEmpty else {
                throw CommandFailure(
                    "policy",
                    "an image does not determine the versions of a machine, and AMD publishes no status for them: the policy needs minimums of \(missing.joined(separator: ", "))",
                    remedy:
                        "give them as in --minimum-tcb bl=4 --minimum-tcb tee=0 --minimum-tcb snp=24 --minimum-tcb ucode=219; "
                        + "0 accepts any version")
            }
        }
        for note in values.open ?? [] { printError("warning: \(note)") }
        return try PinnedPolicy(
            hardware: values, kind, evaluationDataNumber: minimumEvaluationDataNumber, isImage: isImage,
            minimumTCB: versions)
    }
}
