// SPDX-License-Identifier: Apache-2.0
import Evidence
import StrictJSON

/// Verification of what Intel publishes about a platform: revocation lists, TCB info, QE identity.
struct IntelCollateral {
    let request: VerificationRequest
    /// The verified PCK chain.
    let chain: IntelChain

    static let required: [CollateralRole] = [
        .tcbInfo, .tcbInfoIssuerChain, .qeIdentity, .qeIdentityIssuerChain, .pckCRL, .rootCACRL,
    ]

    private var time: Timestamp { request.time }

    /// - Returns: The root's list, in which the signer of the other collateral is looked up as well.
    func checkRevocation(_ claims: inout Claims, _ log: inout CheckLog) throws(Rejection) -> RevocationList {
        let authority = chain.certificates[1]
        let rootCRL = try list(.rootCACRL, chain.root, .rootCRL, .rootCRLValidity, &log)
        // Dates are recorded before the revocation check, so that a verifier that has seen a revocation refuses older
        // lists later.
        claims.collateral["root_ca_crl"] = CollateralRecord(date: rootCRL.thisUpdate)
        try log.require(
            .pckAuthorityRevocation, !rootCRL.lists(authority), otherwise: .authorityRevoked,
            found: "serial number \(authority.serialNumber.hex)")
        let pckCRL = try list(.pckCRL, authority, .pckCRL, .pckCRLValidity, &log)
        claims.collateral["pck_crl/\(authority.commonName)"] = CollateralRecord(date: pckCRL.thisUpdate)
        try log.require(
            .pckRevocation, !pckCRL.lists(chain.leaf), otherwise: .pckRevoked,
            found: "serial number \(chain.leaf.serialNumber.hex)")
        return rootCRL
    }

    private func list(
        _ role: CollateralRole, _ authority: Certificate, _ check: Check, _ validity: Check, _ log: inout CheckLog
    ) throws(Rejection) -> RevocationList {
        let list: RevocationList
        do throws(CertificateFault) {
            list = try RevocationList(der: request.collateral[role] ?? [])
        } catch {
            throw log.reject(check, .crlInvalid, found: error.description)
        }
        let isGenuine = list.isNumbered && list.isIssued(by: authority)
        try log.require(
            check, isGenuine, otherwise: .crlInvalid,
            found: isGenuine ? "" : "a list that is not issued by its authority, or without a number",
            expected: "issuer '\(authority.commonName)'")
        try log.require(
            validity, list.thisUpdate <= time && time <= list.nextUpdate,
            otherwise: time < list.thisUpdate ? .crlNotYetValid : .crlExpired,
            found: "\(list.thisUpdate) to \(list.nextUpdate)", expected: "valid at \(time)")
        return list
    }

    func tcbInfo(
        _ rootCRL: RevocationList, _ claims: inout Claims, _ log: inout CheckLog
    ) throws(Rejection) -> TCBInfo {
        let checks = Checks(
            format: .tcbInfoFormat, signer: .tcbInfoSigner, signature: .tcbInfoSignature,
            invalid: .tcbInfoSignatureInvalid, validity: .tcbInfoValidity, notYetValid: .tcbInfoNotYetValid,
            expired: .tcbInfoExpired)
        return try statement(.tcbInfo, "tcbInfo", .tcbInfoIssuerChain, rootCRL, checks, &claims, &log)
    }

    func qeIdentity(
        _ rootCRL: RevocationList, _ claims: inout Claims, _ log: inout CheckLog
    ) throws(Rejection) -> QEIdentity {
        let checks = Checks(
            format: .qeIdentityFormat, signer: .qeIdentitySigner, signature: .qeIdentitySignature,
            invalid: .qeIdentitySignatureInvalid, validity: .qeIdentityValidity, notYetValid: .qeIdentityNotYetValid,
            expired: .qeIdentityExpired)
        return try statement(.qeIdentity, "enclaveIdentity", .qeIdentityIssuerChain, rootCRL, checks, &claims, &log)
    }

    private struct Checks {
        let format: Check
        let signer: Check
        let signature: Check
        let invalid: ReasonCode
        let validity: Check
        let notYetValid: ReasonCode
        let expired: ReasonCode
    }

    /// A signed statement that is genuine and valid now. Its dates are added to the claims.
    private func statement<Statement: IntelStatement>(
        _ role: CollateralRole, _ member: String, _ issuer: CollateralRole, _ rootCRL: RevocationList,
        _ checks: Checks, _ claims: inout Claims, _ log: inout CheckLog
    ) throws(Rejection) -> Statement {
        let content = try signed(role, member, issuer, rootCRL, checks, &log)
        let statement: Statement
        do throws(JSONFault) {
            statement = try Statement(content)
        } catch {
            throw log.reject(checks.format, .malformed, found: error.description)
        }
        try log.require(
            checks.validity, statement.issueDate <= time && time <= statement.nextUpdate,
            otherwise: time < statement.issueDate ? checks.notYetValid : checks.expired,
            found: "\(statement.issueDate) to \(statement.nextUpdate)", expected: "valid at \(time)")
        claims.evaluationDataNumbers.append(statement.evaluationDataNumber)
        claims.collateral[statement.recordName] = CollateralRecord(
            date: statement.issueDate, evaluationDataNumber: statement.evaluationDataNumber)
        return statement
    }

    /// The signed member of a file, once its signature and signer are verified.
    private func signed(
        _ role: CollateralRole, _ member: String, _ issuer: CollateralRole, _ rootCRL: RevocationList,
        _ checks: Checks, _ log: inout CheckLog
    ) throws(Rejection) -> JSONText {
        let file: SignedCollateral
        do throws(JSONFault) {
            file = try SignedCollateral(request.collateral[role] ?? [], member: member)
        } catch {
            throw log.reject(checks.format, .malformed, found: error.description)
        }
        try log.require(checks.format, true, otherwise: .malformed)
        let signer = try signer(request.collateral[issuer] ?? [], rootCRL, checks.signer, &log)
        try log.require(
            checks.signature,
            RawECDSA.isValid(file.signature, over: file.content.bytes, key: signer.publicKey),
            otherwise: checks.invalid)
        return file.content
    }

    private func signer(
        _ pem: [UInt8], _ rootCRL: RevocationList, _ check: Check, _ log: inout CheckLog
    ) throws(Rejection) -> Certificate {
        let signerChain: IntelChain
        do throws(CertificateFault) {
            signerChain = try IntelChain(signer: PEM.certificates(pem))
        } catch {
            throw log.reject(check, .certificateMalformed, found: error.description)
        }
        guard signerChain.root.publicKeyInfo == chain.root.publicKeyInfo else {
            throw log.reject(
                check, .untrustedRoot, found: "another key of '\(signerChain.root.commonName)'",
                expected: "that of the PCK chain")
        }
        if let fault = CertificateChain.fault(signerChain.certificates) {
            throw log.reject(check, .certificateChainInvalid, found: fault)
        }
        if let expiry = CertificateChain.expiry(signerChain.certificates, at: time) {
            throw log.reject(check, expiry.code, found: expiry.found, expected: "valid at \(time)")
        }
        try log.require(
            check, !rootCRL.lists(signerChain.leaf), otherwise: .authorityRevoked,
            found: "serial number \(signerChain.leaf.serialNumber.hex)")
        return signerChain.leaf
    }
}

/// A dated statement that Intel signs: ``TCBInfo`` or ``QEIdentity``.
private protocol IntelStatement {
    var issueDate: Timestamp { get }
    var nextUpdate: Timestamp { get }
    var evaluationDataNumber: Int { get }
    /// The key of its dates in ``Claims/collateral``.
    var recordName: String { get }
    init(_ json: JSONText) throws(JSONFault)
}

extension TCBInfo: IntelStatement {
    fileprivate var recordName: String { "tcb_info/\(tee.rawValue)/\(fmspc.hex)" }
}

extension QEIdentity: IntelStatement {
    fileprivate var recordName: String { "qe_identity/\(tee.rawValue)" }
}
