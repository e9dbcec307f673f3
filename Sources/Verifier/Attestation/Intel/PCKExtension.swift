// SPDX-License-Identifier: Apache-2.0
/// The contents of Intel's extension in a PCK certificate, which describes the platform.
///
/// - Source: Intel SGX PCK Certificate and CRL Profile Specification, section 1.3.5.
struct PCKExtension: Sendable {
    /// Security versions of the 16 components.
    let components: [Int]
    let pceSVN: Int
    /// 2 bytes.
    let pceID: [UInt8]
    /// 6 bytes: the kind of platform.
    let fmspc: [UInt8]

    init(_ certificate: Certificate) throws(CertificateFault) {
        guard let value = certificate.extensions[ObjectIdentifiers.sgxExtension]?.value else {
            throw CertificateFault("the PCK certificate has no SGX extension")
        }
        let members = try Self.members(value, ObjectIdentifiers.sgxExtension)
        var pceID = try Self.member(members, 3, "the PCE id")
        self.pceID = try pceID.octets("the PCE id", 2)
        var fmspc = try Self.member(members, 4, "the FMSPC")
        self.fmspc = try fmspc.octets("the FMSPC", 6)
        let tcb = try Self.members(
            try Self.member(members, 2, "the TCB").sequenceBytes("the TCB"), ObjectIdentifiers.sgxExtension + [2])
        var components: [Int] = []
        for index in 1...16 {
            var component = try Self.member(tcb, UInt8(index), "a TCB component")
            components.append(try component.smallInteger("a TCB component"))
        }
        guard components.allSatisfy({ $0 <= 255 }) else { throw CertificateFault("a TCB component is out of range") }
        self.components = components
        var pceSVN = try Self.member(tcb, 17, "the PCESVN")
        self.pceSVN = try pceSVN.smallInteger("the PCESVN")
    }

    /// A list of pairs, in any order: an identifier, which is `base` with one more arc, and a value.
    private static func members(
        _ bytes: ArraySlice<UInt8>, _ base: [UInt8]
    ) throws(CertificateFault) -> [UInt8: DERReader] {
        var outer = DERReader(bytes)
        var list = try outer.sequence("the SGX extension")
        try outer.finish("the SGX extension")
        var members: [UInt8: DERReader] = [:]
        while !list.isAtEnd {
            var pair = try list.sequence("a member of the SGX extension")
            let identifier = try pair.identifier("a member's identifier")
            guard identifier.count == base.count + 1, identifier.starts(with: base), let arc = identifier.last else {
                continue
            }
            guard members.updateValue(pair, forKey: arc) == nil else {
                throw CertificateFault("the SGX extension has a member twice")
            }
        }
        return members
    }

    private static func member(
        _ members: [UInt8: DERReader], _ arc: UInt8, _ what: String
    ) throws(CertificateFault) -> DERReader {
        guard let member = members[arc] else { throw CertificateFault("the SGX extension lacks \(what)") }
        return member
    }
}

extension DERReader {
    /// The whole encoding of the next element, a SEQUENCE.
    func sequenceBytes(_ what: String) throws(CertificateFault) -> ArraySlice<UInt8> {
        var reader = self
        return try reader.element(DERTag.sequence, what).encoded
    }
}
