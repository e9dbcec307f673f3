// SPDX-License-Identifier: Apache-2.0
import Wire

/// Limits on a host's resources for unauthenticated clients.
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
    /// Bytes of bodies of `/ohttp` in memory, including those that wait for their answer. A full admission of 64
    /// pictures of 224 x 224 pixels as f32 takes 38 MiB; four requests of the largest size fit.
    package var requestMemory = 64 << 20
    /// Bytes of bodies of `/provision` in memory; separate, so that they do not reduce the room for requests.
    package var provisioningMemory = 8 << 20
    /// Bodies that have been in reception for longer are dropped first when memory is short: see ``BodyBudget``.
    package var receptionGrace: Duration = .seconds(2)
    /// The time from a complete request to its answer, after which it is refused.
    package var requestTime: Duration = .seconds(60)
    /// Provisioning messages that are being opened or that wait.
    package var provisioningsAtOnce = 4
    package var clock = RequestClock.Limits()

    package init() {}
}
