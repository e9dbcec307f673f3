// SPDX-License-Identifier: Apache-2.0
import SealedChannel
import Wire

/// The remaining state of a service whose lease has ended: enough to encrypt refusals, and to accept the owner's next
/// message once the host has loaded the parts again. The model and its key are gone.
struct EndedService {
    let bundle: AttestedBundle
    let assembly: BundleAssembly
    let layout: AnswerLayout
    let maximumRequestBytes: Int
    /// The sequence number of the last accepted message.
    let sequence: UInt64

    /// - Throws: ``EnclaveRefusal`` of ``BundleAssembly``.
    init(_ service: Service, limits: EnclaveLimits) throws(EnclaveRefusal) {
        bundle = service.bundle
        assembly = try BundleAssembly(service.bundle.manifest, limits: limits)
        layout = service.layout
        maximumRequestBytes = service.maximumRequestBytes
        sequence = service.provisioning.terms.sequence
    }

    /// Decrypts a client's request, without parsing it, and returns an encrypted refusal.
    ///
    /// - Throws: ``EnclaveRefusal`` of ``ChannelKeyRing/open(_:maximumBytes:)``.
    func refuse(_ message: [UInt8], keyRing: borrowing ChannelKeyRing) throws(EnclaveRefusal) -> EnclaveMessage {
        let opened = try keyRing.open(message, maximumBytes: maximumRequestBytes)
        return .answer(try opened.sealer.seal(AnswerRefusal(.leaseEnded), layout: layout))
    }
}
