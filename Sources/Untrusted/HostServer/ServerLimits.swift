// SPDX-License-Identifier: Apache-2.0
import Wire

/// Limits on a host's resources for strangers.
package struct ServerLimits: Sendable {
    /// Connections at a time, fewer where the process may not have as many file descriptors.
    package var connections = 1024
    /// Connections at a time from one address (IPv6: one /64).
    package var connectionsPerAddress = 256
    /// Connections at a time to the admin listener.
    package var adminConnections = 16
    /// The largest body of `/ohttp`: a sealed request of the largest tensor that the model takes.
    package var requestBytes = FrameLimits.maximumMessageBytes
    /// The largest body of `/provision`: the owner's message with as many tokens as an enclave takes.
    package var provisioningBytes = 4096 + 44 * 65_536
    /// Bodies of `/ohttp` in memory, those that wait for their answer among them. A full admission of 64 pictures of
    /// 224 x 224 pixels as f32 takes 38 MiB; four requests of the largest size fit.
    package var requestMemory = 64 << 20
    /// Bodies of `/provision` in memory: apart, so that they take nothing from requests.
    package var provisioningMemory = 8 << 20
    /// Bodies in reception for longer make room for others first: see ``BodyBudget``.
    package var receptionGrace: Duration = .seconds(2)
    /// From a whole request to its answer, before it is refused.
    package var requestTime: Duration = .seconds(60)
    /// Provisioning messages that an enclave opens or that wait for it.
    package var provisioningsAtOnce = 4
    package var clock = RequestClock.Limits()

    package init() {}
}
