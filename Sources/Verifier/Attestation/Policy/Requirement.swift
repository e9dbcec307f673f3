// SPDX-License-Identifier: Apache-2.0
/// What a policy says about one check. No value silently means "unchecked": a skipped check has a reason, which the
/// verdict repeats.
public enum Requirement<Value: Sendable & Hashable>: Sendable, Hashable {
    case require(Value)
    /// The policy's author decided against the check.
    case skip(reason: String)
    /// The policy does not mention it. This suffices to inspect saved evidence, never to accept a peer.
    case unstated
}
