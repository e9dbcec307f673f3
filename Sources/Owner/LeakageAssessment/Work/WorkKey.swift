/// What a piece is a result of: a name for people and a digest of every input of its computation.
package struct WorkKey: Sendable, Hashable {
    package let name: String
    package let digest: String

    /// Half of the digest tells files apart; the file itself holds all of it.
    var fileName: String { "\(name)-\(digest.prefix(32)).piece" }
}
