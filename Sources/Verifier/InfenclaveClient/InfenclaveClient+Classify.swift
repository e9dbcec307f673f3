// SPDX-License-Identifier: Apache-2.0
public import Tensors

extension InfenclaveClient {
    /// Classifies a tensor: u8 pixels `[1, height, width, channels]`, or, if the owner allows it, the normalised f32
    /// `[1, channels, height, width]`. ``EnclaveSession/manifest`` of ``session()`` has the sizes.
    ///
    /// - Returns: The model's most probable classes, as many as the owner allows, the most probable first.
    /// - Throws: ``ClientError``; `CancellationError` when the task is cancelled.
    public func classify(_ tensor: Tensor) async throws -> [Classification] {
        try await answer(to: tensor).classes
    }

    /// Classifies tensors, several at a time.
    ///
    /// - Returns: The classes of each, in the order of the tensors.
    /// - Throws: The first failure in that order; the other requests are then cancelled.
    public func classify(_ tensors: [Tensor], maximumInFlight: Int = 4) async throws -> [[Classification]] {
        var answers: [[Classification]] = []
        let inputs = AsyncStream { continuation in
            for tensor in tensors { continuation.yield(tensor) }
            continuation.finish()
        }
        for try await answer in classify(inputs, maximumInFlight: maximumInFlight) { answers.append(answer) }
        return answers
    }

    /// Classifies the tensors of a sequence until it ends.
    ///
    /// - Parameters:
    ///   - inputs: Gives tensors as ``classify(_:)-(Tensor)`` takes them.
    ///   - maximumInFlight: The most tensors that are in progress or answered and not yet taken; 1 or more.
    /// - Returns: The classes of each tensor, in the order of the sequence. It ends with the first failure.
    public func classify<Inputs: AsyncSequence & Sendable>(
        _ inputs: Inputs, maximumInFlight: Int = 4
    ) -> Classifications where Inputs.Element == Tensor {
        Classifications(maximumInFlight: maximumInFlight) { [self] window in
            var inputs = inputs.makeAsyncIterator()
            while await window.hasRoom(), let tensor = try await inputs.next() {
                window.begin { try await self.classify(tensor) }
            }
        }
    }

    /// An answer and the session that it came through.
    package struct Answer: Sendable {
        package let classes: [Classification]
        package let session: EnclaveSession
    }

    package func answer(to tensor: Tensor) async throws -> Answer {
        guard let token else {
            throw ClientError(
                .unknownToken, "the client has no access token", remedy: "give one when the client is made")
        }
        return try await retrying {
            try await observed(.classification) {
                // Attestation is part of the attempt, and is not retried separately.
                let session = if let currentSession { currentSession } else { try await freshSession() }
                // A session that does not serve is never kept, so this one was attested just now: it is not attested
                // again.
                try session.requireService()
                return try await answer(to: tensor, token, through: session)
            }
        }
    }

    /// Limit of the attestations for one request, not counting the one before it. Behind a balancer without affinity
    /// and with two servers, up to half of the requests reach a server without their key. With 8 attestations, one
    /// request in 500 still fails; with 3, one in 16.
    private static let maximumAttestations = 8

    private func answer(
        to tensor: Tensor, _ token: AccessToken, through first: EnclaveSession
    ) async throws -> Answer {
        var (session, request, isOnce) = (first, try first.sealed(tensor, token), false)
        // The request as sealed to each key configuration: if a host directs the client from one enclave to another and
        // back, it gets the same bytes again, which no enclave serves twice.
        var sealed = [first.keyConfiguration: request]
        var (attestations, isResealed) = (0, false)
        while true {
            do {
                return Answer(classes: try await session.answer(to: request, isOnce: isOnce), session: session)
            } catch let error as ClientError where error.isStale && !isResealed {
                // The enclave refuses a message that it has seen.
                (request, isOnce, isResealed) = (try session.sealed(tensor, token), true, true)
                sealed[session.keyConfiguration] = request
            } catch let error as ClientError where error.asksForFreshEvidence {
                attestations += 1
                guard attestations <= Self.maximumAttestations else { throw error }
                let fresh = try await self.session(after: session)
                // The host may claim this falsely, and must not get the same tensor sealed twice: the same bytes are
                // sent again.
                guard fresh.hasOtherKeys(than: session) else {
                    guard error.isOfUnknownKey else { throw error }
                    continue
                }
                try fresh.requireService()
                (session, request, isOnce) = (
                    fresh, try sealed[fresh.keyConfiguration] ?? fresh.sealed(tensor, token), isResealed
                )
                sealed[session.keyConfiguration] = request
            }
        }
    }
}
