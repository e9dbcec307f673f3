// SPDX-License-Identifier: Apache-2.0
/// What an enclave's audit found since its process started, sealed to the owner in the answer to each provisioning message.
///
/// 33 bytes, little-endian: u8 version = 1 ‖ u64 results of the host that were taken or refused ‖ u64 of them computed again ‖
/// u64 of these wrong ‖ u64 requests whose BackNet the enclave computed because it no longer asks the host.
public struct AuditStatistics: Sendable, Hashable {
    static let version: UInt8 = 1
    static let byteCount = 33

    /// Results of the host.
    public var results: UInt64 = 0
    /// The results among them that were computed again.
    public var audited: UInt64 = 0
    /// Of these, those beyond the tolerance; they were answered from the enclave's own result.
    public var mismatches: UInt64 = 0
    /// Requests whose BackNet the host was no longer asked to compute.
    public var withoutHost: UInt64 = 0

    /// The statistics of an audit without results.
    package init() {}

    package func encoded() -> [UInt8] {
        SpanWriter.array(Self.byteCount) { writer in
            writer.littleEndian(Self.version)
            for value in [results, audited, mismatches, withoutHost] { writer.littleEndian(value) }
        }
    }

    /// - Throws: ``SealedChannelError`` (malformed).
    package init(decoding bytes: RawSpan) throws(SealedChannelError) {
        var reader = SpanReader(bytes, of: "audit statistics")
        guard try reader.littleEndian(UInt8.self, "version") == Self.version else {
            throw reader.malformed("the version is unknown")
        }
        results = try reader.littleEndian(UInt64.self, "results")
        audited = try reader.littleEndian(UInt64.self, "audited")
        mismatches = try reader.littleEndian(UInt64.self, "mismatches")
        withoutHost = try reader.littleEndian(UInt64.self, "without host")
        try reader.finish()
        guard mismatches <= audited, audited <= results else { throw reader.malformed("the counts contradict") }
    }
}
