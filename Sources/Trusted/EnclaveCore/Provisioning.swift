import SealedChannel

extension ProvisioningMessage {
    /// Whether the owner listed this token. The digest is looked up, not the token: who does not know a token cannot
    /// choose its digest, so the time that this takes tells nothing.
    func lists(_ token: AccessToken) -> Bool {
        let digest = token.digest
        var low = 0
        var high = acceptedTokens.count
        while low < high {
            let middle = (low + high) / 2
            if acceptedTokens[middle] < digest { low = middle + 1 } else { high = middle }
        }
        return low < acceptedTokens.count && acceptedTokens[low] == digest
    }

    /// Whether `other` provisions the same service, whichever of this run's keys it was sealed to.
    func repeats(_ other: ProvisioningMessage) -> Bool {
        let sameKey = modelKey.constantTimeEquals(other.modelKey)
        return sameKey && templateDigest == other.templateDigest && manifestDigest == other.manifestDigest
            && epoch == other.epoch && acceptedTokens == other.acceptedTokens && limits == other.limits
    }
}
