import ModelGraph
import SealedChannel
import SecretMemory
import Wire

/// A bundle whose parts nobody here can read yet.
struct SealedBundle {
    let manifest: VerifiedManifest
    let frontNet: ReceivedPart
    let mappingUnit: ReceivedPart

    /// Opens and decodes the FrontNet, its weights in wiped memory.
    ///
    /// - Throws: ``EnclaveRefusal`` (frontNetRefused).
    func openFrontNet(with provisioning: ProvisioningMessage) throws(EnclaveRefusal) -> FrontNetPart {
        let bytes = try open(frontNet, as: .frontNet, with: provisioning, otherwise: .frontNetRefused)
        do throws(GraphError) {
            return try FrontNetPart(decoding: bytes.bytes, allocator: .wiping)
        } catch { throw EnclaveRefusal(.frontNetRefused) }
    }

    /// Opens and decodes the mapping unit, its weights in wiped memory.
    ///
    /// - Throws: ``EnclaveRefusal`` (mappingUnitRefused).
    func openMappingUnit(with provisioning: ProvisioningMessage) throws(EnclaveRefusal) -> MappingUnitPart {
        let bytes = try open(mappingUnit, as: .mapping, with: provisioning, otherwise: .mappingUnitRefused)
        do throws(GraphError) {
            return try MappingUnitPart(decoding: bytes.bytes, allocator: .wiping)
        } catch { throw EnclaveRefusal(.mappingUnitRefused) }
    }

    private func open(
        _ part: ReceivedPart, as name: SealedPart.Name, with provisioning: ProvisioningMessage,
        otherwise code: EnclaveErrorCode
    ) throws(EnclaveRefusal) -> SecretBytes {
        do throws(SealedChannelError) {
            return try SealedPart.open(
                part.bytes.span.bytes, as: name, modelKey: provisioning.modelKey, context: manifest.sealingContext)
        } catch { throw EnclaveRefusal(code) }
    }
}
