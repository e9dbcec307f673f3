import Tensors

/// The certificates that the host gives with an SEV-SNP report (GHCB specification, 56421, extended guest request). They
/// prove nothing by themselves: whoever appraises the evidence verifies them.
///
/// Layout: entries of GUID (16 bytes, in the order of its text), u32 offset and u32 length from the table's start; an
/// entry of zeros ends them.
enum CertificateTable {
    private static let entryBytes = 24
    private static let maximumEntries = 32

    /// Roles are the names of the files that `infenclave attest --collateral` takes. The root is left out: a client
    /// that took it from here would trust the host.
    private static let roles: [(guid: [UInt8], stem: String)] = [
        (bytes(0x63da_758d_e664_4564, 0xadc5_f4b9_3be8_accd), "vcek"),
        (bytes(0xa807_4bc2_a25a_483e, 0xaae6_39c0_45a0_b8a1), "vlek"),
        (bytes(0x4ab7_b379_bbac_4fe4, 0xa02f_05ae_f327_c782), "intermediate"),
    ]

    private static func bytes(_ high: UInt64, _ low: UInt64) -> [UInt8] {
        [high, low].flatMap { word in withUnsafeBytes(of: word.bigEndian) { Array($0) } }
    }

    /// The certificates of known roles; none when the table is empty or broken.
    static func collateral(of table: [UInt8]) -> [String: [UInt8]] {
        var collateral: [String: [UInt8]] = [:]
        do throws(TensorError) {
            var reader = ByteReader(table.span.bytes)
            for _ in 0..<maximumEntries {
                let guid = try reader.readBytes(16, "GUID")
                let offset = Int(try reader.read(UInt32.self, "offset"))
                let length = Int(try reader.read(UInt32.self, "length"))
                guard guid.contains(where: { $0 != 0 }) else { return collateral }
                guard offset <= table.count, length <= table.count - offset else { return [:] }
                guard length > 0, let role = roles.first(where: { $0.guid == guid }) else { continue }
                let certificate = Array(table[offset..<offset + length])
                let isPEM = certificate.starts(with: Array("-----BEGIN".utf8))
                collateral["\(role.stem).\(isPEM ? "pem" : "der")"] = certificate
            }
        } catch { return [:] }
        return [:]
    }
}
