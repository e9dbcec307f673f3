import SealedChannel
import SecretMemory
import Wire

/// The enclave's channel keys and the requests that they have opened. When those are as many as it remembers, it makes
/// new keys and forgets the old ones, so that no old request opens again: clients fetch evidence over the new keys.
struct ChannelKeyRing {
    private(set) var keys: ChannelKeyPair
    /// Counts from 1.
    private(set) var generation: UInt32 = 1
    private var replays = ReplayGuard()
    private let requestsPerKey: Int

    /// - Throws: ``EnclaveRefusal`` (internalFault) when no keys can be made.
    init(requestsPerKey: Int) throws(EnclaveRefusal) {
        keys = try Self.freshKeys(avoiding: [])
        self.requestsPerKey = requestsPerKey
    }

    /// Opens a request that was not served before.
    ///
    /// - Throws: ``EnclaveRefusal``: `malformed`, `unknownKey`, `undecipherable`, `replayed`, `internalFault`.
    mutating func open(_ message: [UInt8], maximumBytes: Int) throws(EnclaveRefusal) -> OpenedRequest {
        try renewIfWorn()
        let opened: OpenedRequest
        do throws(SealedChannelError) {
            opened = try ObliviousGateway(keys: keys, maximumMessageBytes: maximumBytes).open(message.span.bytes)
        } catch { throw EnclaveRefusal(error.code.refusal) }
        guard !replays.contains(opened.replayIdentifier) else { throw EnclaveRefusal(.replayed) }
        return opened
    }

    /// Notes that a request of a listed client is about to be served. Others need not be remembered: no replay of
    /// them reaches the FrontNet, and they must not wear the keys out.
    mutating func remember(_ replayIdentifier: ContentDigest) { replays.remember(replayIdentifier) }

    /// Makes new keys if the present ones have opened as many requests as are remembered.
    mutating func renewIfWorn() throws(EnclaveRefusal) {
        guard replays.count >= requestsPerKey else { return }
        keys = try Self.freshKeys(avoiding: Set(keys.configurations.map(\.keyIdentifier)))
        generation &+= 1
        replays = ReplayGuard()
    }

    /// - Parameter identifiers: Of keys that clients may still use; requests to them must be told that they are gone.
    private static func freshKeys(avoiding identifiers: Set<UInt8>) throws(EnclaveRefusal) -> ChannelKeyPair {
        do throws(SealedChannelError) {
            while true {
                let keys = try ChannelKeyPair.generate()
                if identifiers.isDisjoint(with: keys.configurations.map(\.keyIdentifier)) { return keys }
            }
        } catch { throw EnclaveRefusal(.internalFault) }
    }
}

extension SealedChannelError.Code {
    /// The code that leaves the enclave for a sealed message.
    var refusal: EnclaveErrorCode {
        switch self {
        case .malformed, .tooLarge: .malformed
        case .undecryptable: .undecipherable
        case .unsupportedSuite, .wrongKeyConfiguration: .unknownKey
        case .unsupportedVersion: .unsupportedVersion
        case .wrongSignature: .ownerUnauthorized
        case .wrongEpoch: .wrongEpoch
        case .wrongManifest: .wrongManifest
        default: .internalFault
        }
    }
}
