// SPDX-License-Identifier: Apache-2.0
/// The answers to a sequence of tensors, in its order: what `classify(_:maximumInFlight:)` of ``InfenclaveClient`` returns.
///
/// When the iteration stops or is cancelled, requests in progress are cancelled.
public struct Classifications: AsyncSequence, Sendable {
    /// The classes of one answer, the most probable first.
    public typealias Element = [Classification]

    private let maximumInFlight: Int
    private let feed: @Sendable (RequestWindow) async throws -> Void

    /// - Parameter feed: Begins requests in the window until there are no more.
    package init(maximumInFlight: Int, feed: @escaping @Sendable (RequestWindow) async throws -> Void) {
        self.maximumInFlight = Swift.max(1, maximumInFlight)
        self.feed = feed
    }

    /// Begins to take tensors from the sequence, up to the limit in flight.
    public func makeAsyncIterator() -> Iterator {
        let window = RequestWindow(maximumInFlight)
        window.fill(by: feed)
        return Iterator(Use(window))
    }

    /// Gives the answers in order.
    public struct Iterator: AsyncIteratorProtocol {
        private let use: Use

        fileprivate init(_ use: Use) { self.use = use }

        /// The next answer; `nil` after the last one.
        ///
        /// - Throws: ``ClientError``, `CancellationError`, or what the sequence of tensors throws. No answer follows.
        public mutating func next() async throws -> [Classification]? { try await use.window.next() }
    }

    /// Ends with the iterator.
    fileprivate final class Use: Sendable {
        let window: RequestWindow

        init(_ window: RequestWindow) { self.window = window }

        deinit { window.cancel() }
    }
}
