// SPDX-License-Identifier: Apache-2.0
import Evidence
import FoundationEssentials
import StrictJSON

/// Evidence of a confidential virtual machine on Azure, whose guest cannot ask the hardware for a report of its own: what
/// the paravisor's TPM gives, as JSON.
///
/// `{"version": 1|2, "hcl_report": …, "tpm_quote": {"message": …, "signature": …, "pcrs": […]}, "vcek": …}` for SNP, with
/// `td_quote` instead of `vcek` for TDX. Report, quote and certificate are base64url with padding, the rest is
/// hexadecimal. Without `version`, byte strings are arrays of numbers, the certificate is PEM, and SNP says `report` and
/// `quote`.
///
/// - Source: the evidence format of confidential-containers/trustee (az-snp-vtpm, az-tdx-vtpm), which its agents write.
struct AzureEvidence: Sendable {
    private static let maximumBytes = 256 << 10
    private static let maximumPartBytes = 64 << 10
    /// Registers of the SHA-256 bank.
    static let registerCount = 24

    let hclReport: [UInt8]
    let quoteMessage: [UInt8]
    let quoteSignature: [UInt8]
    /// 32 bytes each, from register 0 on. Only the quote's digest authenticates them.
    let registers: [[UInt8]]
    /// SNP: the certificate of the key that signed the hardware's report, PEM or DER; unverified.
    let vcek: [UInt8]?
    /// TDX: the hardware's quote.
    let tdQuote: [UInt8]?

    /// - Throws: ``EvidenceError`` (malformed).
    init(json: [UInt8]) throws(EvidenceError) {
        guard json.count <= Self.maximumBytes else {
            throw EvidenceError(
                .malformed, "Azure's evidence has \(json.count) bytes; expected at most \(Self.maximumBytes)")
        }
        do throws(JSONFault) {
            let members = try JSONText(json, name: "Azure's evidence").object()
            let isNumbers = members.members["version"] == nil
            if !isNumbers {
                let version = try members["version"].integer()
                guard (1...2).contains(version) else { throw JSONFault("version is \(version); expected 1 or 2") }
            }
            let known: Set<String> = ["version", "hcl_report", "tpm_quote", "vcek", "td_quote"]
            try members.refuseMembers(otherThan: isNumbers ? known.union(["report", "quote"]) : known)
            func member(_ name: String, _ old: String) throws(JSONFault) -> JSONText {
                guard let member = members.members[name] else { return try members[isNumbers ? old : name] }
                guard members.members[old] == nil else {
                    throw JSONFault("both \(name) and \(old) are there; expected one of them")
                }
                return member
            }
            let quote = try member("tpm_quote", "quote").object()
            try quote.refuseMembers(otherThan: ["message", "signature", "pcrs"])
            func decode(_ value: JSONText) throws(JSONFault) -> [UInt8] {
                isNumbers ? try Self.numbers(value) : try Self.hexadecimal(value)
            }
            func wrapped(_ value: JSONText) throws(JSONFault) -> [UInt8] {
                isNumbers ? try Self.numbers(value) : try Self.base64(value)
            }
            hclReport = try wrapped(member("hcl_report", "report"))
            quoteMessage = try decode(quote["message"])
            quoteSignature = try decode(quote["signature"])
            let list = try quote["pcrs"].array()
            guard list.count == Self.registerCount else {
                throw JSONFault("pcrs has \(list.count) values; expected \(Self.registerCount)")
            }
            var registers: [[UInt8]] = []
            for element in list {
                let value = try decode(element)
                guard value.count == 32 else {
                    throw JSONFault("a value of pcrs has \(value.count) bytes; expected 32")
                }
                registers.append(value)
            }
            self.registers = registers
            if let vcek = members.members["vcek"] {
                self.vcek = isNumbers ? Array(try vcek.string().utf8) : try Self.base64(vcek)
            } else {
                vcek = nil
            }
            tdQuote = try members.members["td_quote"].map { value throws(JSONFault) in try wrapped(value) }
        } catch {
            throw EvidenceError(.malformed, error.description)
        }
    }

    private static func hexadecimal(_ value: JSONText) throws(JSONFault) -> [UInt8] {
        let bytes = try value.hex()
        // One encoding of each value.
        guard bytes.count <= maximumPartBytes, try value.string() == bytes.hex else {
            throw JSONFault("\(value.name) is not lower-case hexadecimal of at most \(maximumPartBytes) bytes")
        }
        return bytes
    }

    private static func base64(_ value: JSONText) throws(JSONFault) -> [UInt8] {
        let text = try value.string()
        // One encoding of each value.
        guard let bytes = Base64URL.bytes(text), bytes.count <= maximumPartBytes,
            Base64URL.text(bytes, isPadded: true) == text
        else { throw JSONFault("\(value.name) is not base64url of at most \(maximumPartBytes) bytes, with padding") }
        return bytes
    }

    private static func numbers(_ value: JSONText) throws(JSONFault) -> [UInt8] {
        var bytes: [UInt8] = []
        for element in try value.array() {
            guard let byte = UInt8(exactly: try element.integer()) else {
                throw JSONFault("\(value.name) has a number that is no byte")
            }
            bytes.append(byte)
        }
        guard bytes.count <= maximumPartBytes else {
            throw JSONFault("\(value.name) has more than \(maximumPartBytes) bytes")
        }
        return bytes
    }
}
