// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import SealedChannel
import SecretMemory
import Wire

/// A complete bundle whose parts are still encrypted.
struct SealedBundle {
    let manifest: VerifiedManifest
    let frontNet: ReceivedPart
    let mappingUnit: ReceivedPart

    /// Whether the ciphertext of both parts is still held. Opening releases it as it is read, so that ciphertext and
    /// weights are not held at the same time.
    var isWhole: Bool { frontNet.isWhole && mappingUnit.isWhole }

    /// Authenticates every byte of both parts and keeps no plaintext. Afterwards opening a part can fail only because
    /// its owner made it so.
    ///
    /// - Throws: ``EnclaveRefusal``: `frontNetRefused`, `mappingUnitRefused`.
    func authenticate(with provisioning: ProvisioningMessage) throws(EnclaveRefusal) {
        for (part, name, code) in [
            (frontNet, SealedPart.Name.frontNet, EnclaveErrorCode.frontNetRefused),
            (mappingUnit, .mapping, .mappingUnitRefused),
        ] {
            do throws(SealedChannelError) {
                try opener(part, as: name, with: provisioning) { part.bytes($0) }.authenticate()
            } catch { throw EnclaveRefusal(code) }
        }
    }

    /// Opens and decodes the FrontNet, its weights in wiped memory, and releases its ciphertext.
    ///
    /// - Throws: ``EnclaveRefusal`` (frontNetRefused).
    func openFrontNet(with provisioning: ProvisioningMessage) throws(EnclaveRefusal) -> FrontNetPart {
        try open(frontNet, as: .frontNet, with: provisioning, otherwise: .frontNetRefused)
    }

    /// Opens and decodes the mapping unit, its weights in wiped memory, and releases its ciphertext.
    ///
    /// - Throws: ``EnclaveRefusal`` (mappingUnitRefused).
    func openMappingUnit(with provisioning: ProvisioningMessage) throws(EnclaveRefusal) -> MappingUnitPart {
        try open(mappingUnit, as: .mapping, with: provisioning, otherwise: .mappingUnitRefused)
    }

    private func open<Part: EnclavePart>(
        _ part: ReceivedPart, as name: SealedPart.Name, with provisioning: ProvisioningMessage,
        otherwise code: EnclaveErrorCode
    ) throws(EnclaveRefusal) -> Part {
        let source: SealedPartOpener
        do throws(SealedChannelError) {
            source = try opener(part, as: name, with: provisioning) { range in
                part.release(before: range.lowerBound)
                return part.bytes(range)
            }
        } catch { throw EnclaveRefusal(code) }
        do throws(GraphError) {
            let opened = try Part(decoding: source, allocator: .wiping)
            part.release(before: part.byteCount)
            return opened
        } catch { throw EnclaveRefusal(code) }
    }

    private func opener(
        _ part: ReceivedPart, as name: SealedPart.Name, with provisioning: ProvisioningMessage,
        _ bytes: @escaping (Range<Int>) -> [UInt8]
    ) throws(SealedChannelError) -> SealedPartOpener {
        try SealedPartOpener(
            sealedByteCount: part.byteCount, as: name, modelKey: provisioning.modelKey,
            context: manifest.sealingContext, sealed: bytes)
    }
}
