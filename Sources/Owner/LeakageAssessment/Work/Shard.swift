/// One of the parts of an assessment that several processes share: of the pictures for the channel KL and the cuts for
/// the decoders every so manieth.
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
