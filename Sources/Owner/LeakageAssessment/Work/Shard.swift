// SPDX-License-Identifier: Apache-2.0
/// One of the parts of an assessment that several processes share: every `count`-th image of the channel KL and every
/// `count`-th cut of the decoders.
package struct Shard: Sendable, Hashable, Codable, CustomStringConvertible {
    /// 1 to ``count``.
    package let index: Int
    package let count: Int

    package static let maximumCount = 10_000

    /// - Throws: ``AssessmentError`` `.invalidConfiguration` for an index that is not 1 to `count`.
    package init(_ index: Int, of count: Int) throws(AssessmentError) {
        guard (1...Self.maximumCount).contains(count), (1...count).contains(index) else {
            throw AssessmentError(
                .invalidConfiguration,
                "shard \(index) of \(count), expected 1 to the number of shards, at most \(Self.maximumCount)")
        }
        self.index = index
        self.count = count
    }

    func owns(_ item: Int) -> Bool { item % count == index - 1 }

    package var description: String { "\(index)/\(count)" }
}
