// SPDX-License-Identifier: Apache-2.0
import Tensors

/// What an enclave states about itself in its evidence (RATS: Claims): which sealed parts it received, and, once the
/// owner has provisioned it, what they do and how long it may serve. The report data covers these bytes
/// (``ReportTranscript``).
///
/// Layout, little-endian: `"INFFACTS"` ‖ u16 version = 1 ‖ SHA-256 of the FrontNet's file (32) ‖ SHA-256 of the mapping
/// unit's file (32) ‖ u8 state (1 unprovisioned, 2 provisioned, 3 the lease has ended); in state 2 follow: u64 sequence
/// ‖ u32 seconds of the lease ‖ u32 seconds that are left ‖ u32 bytes of the service facts ‖ ``ServiceFacts``.
public struct EnclaveFacts: Sendable, Hashable {
    /// How long the owner lets the enclave serve.
    public struct Lease: Sendable, Hashable {
        /// Four years, the limit of provisioning messages.
        package static let maximumSeconds: UInt32 = 126_230_400

        /// The sequence number of the provisioning message in force; a later message has a higher number.
        public let sequence: UInt64
        /// The length of the lease, as the owner granted it.
        public let seconds: UInt32
        /// Seconds left when the evidence was made, by the enclave's clock.
        public let secondsLeft: UInt32

        /// A lease with these values.
        package init(sequence: UInt64, seconds: UInt32, secondsLeft: UInt32) {
            self.sequence = sequence
            self.seconds = seconds
            self.secondsLeft = secondsLeft
        }
    }

    /// The state of the enclave when it made the evidence.
    public enum State: Sendable, Hashable {
        /// Not provisioned by an owner: it cannot open the parts.
        case unprovisioned
        case provisioned(Lease, ServiceFacts)
        /// The lease has ended and the model was wiped; all requests are refused.
        case leaseEnded
    }

    /// The version of the encoding.
    package static let version: UInt16 = 1
    /// Limit of the encoding's size, above any valid one.
    package static let maximumBytes = 1 << 16
    static let magic = Array("INFFACTS".utf8)

    /// SHA-256 of `frontnet.sealed` as the enclave received it.
    public let frontNetDigest: [UInt8]
    /// SHA-256 of `mapping.sealed` as the enclave received it.
    public let mappingUnitDigest: [UInt8]
    /// The state of the enclave when it made the evidence.
    public let state: State

    /// - Throws: ``EvidenceError`` (malformed) for a digest that is not 32 bytes.
    package init(frontNetDigest: [UInt8], mappingUnitDigest: [UInt8], state: State) throws(EvidenceError) {
        try ReportTranscript.check(frontNetDigest, "the FrontNet's digest", 32...32)
        try ReportTranscript.check(mappingUnitDigest, "the mapping unit's digest", 32...32)
        self.frontNetDigest = frontNetDigest
        self.mappingUnitDigest = mappingUnitDigest
        self.state = state
    }

    /// The bytes that the report data covers.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(bytes: Self.magic)
        writer.write(Self.version)
        writer.write(bytes: frontNetDigest)
        writer.write(bytes: mappingUnitDigest)
        switch state {
        case .unprovisioned: writer.write(UInt8(1))
        case .provisioned(let lease, let service):
            writer.write(UInt8(2))
            writer.write(lease.sequence)
            writer.write(lease.seconds)
            writer.write(lease.secondsLeft)
            let service = service.encoded()
            writer.write(UInt32(service.count))
            writer.write(bytes: service)
        case .leaseEnded: writer.write(UInt8(3))
        }
        return writer.bytes
    }

    /// - Throws: ``EvidenceError``: `malformed`, `unsupported` for another version.
    package init(decoding bytes: [UInt8]) throws(EvidenceError) {
        guard bytes.count <= Self.maximumBytes else {
            throw EvidenceError(
                .malformed, "enclave facts: \(bytes.count) bytes; expected at most \(Self.maximumBytes)")
        }
        let fields: Fields
        do throws(TensorError) { fields = try Fields(bytes.span.bytes) } catch {
            throw EvidenceError(.malformed, "enclave facts: \(error.message)")
        }
        guard fields.version == Self.version else {
            throw EvidenceError(.unsupported, "enclave facts: version \(fields.version); expected \(Self.version)")
        }
        let state: State
        switch (fields.state, fields.lease) {
        case (1, nil): state = .unprovisioned
        case (2, let lease?):
            guard lease.sequence > 0, (1...Lease.maximumSeconds).contains(lease.seconds),
                lease.secondsLeft <= lease.seconds
            else { throw EvidenceError(.malformed, "enclave facts: sequence or times of the lease are out of range") }
            state = .provisioned(lease, try ServiceFacts(decoding: fields.service))
        case (3, nil): state = .leaseEnded
        default: throw EvidenceError(.malformed, "enclave facts: state \(fields.state) is unknown")
        }
        try self.init(
            frontNetDigest: fields.frontNetDigest, mappingUnitDigest: fields.mappingUnitDigest, state: state)
    }
}

/// The raw fields. For an unknown version only the version number is read.
private struct Fields {
    let version: UInt16
    var frontNetDigest: [UInt8] = []
    var mappingUnitDigest: [UInt8] = []
    var state: UInt8 = 0
    var lease: EnclaveFacts.Lease?
    var service: [UInt8] = []

    init(_ bytes: RawSpan) throws(TensorError) {
        var reader = ByteReader(bytes)
        guard try reader.readBytes(EnclaveFacts.magic.count, "magic") == EnclaveFacts.magic else {
            throw TensorError(.malformed, "the magic is wrong")
        }
        version = try reader.read("version")
        guard version == EnclaveFacts.version else { return }
        frontNetDigest = try reader.readBytes(32, "FrontNet's digest")
        mappingUnitDigest = try reader.readBytes(32, "mapping unit's digest")
        state = try reader.read("state")
        if state == 2 {
            lease = EnclaveFacts.Lease(
                sequence: try reader.read("sequence"), seconds: try reader.read("lease"),
                secondsLeft: try reader.read("seconds left"))
            service = try reader.readBytes(Int(try reader.read(UInt32.self, "service facts")), "service facts")
        }
        try reader.finish()
    }
}
