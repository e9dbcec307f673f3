/// Which files of a folder an assessment reads, and in which order it tries them.
///
/// All of them, or the first by name where the owner asked for so few; a sample drawn from the seed where there are more
/// than the metrics take. Names often say the class or the day, so the first ones are no sample.
package struct PictureSample: Sendable, Hashable {
    /// Good files that are enough.
    package let wanted: Int
    /// Positions in the folder's order of names. Damaged files are replaced by later ones of this list.
    package let order: [Int]
    /// Whether ``order`` is random.
    package let isDrawn: Bool

    /// - Parameters:
    ///   - files: How many the folder has.
    ///   - limit: At most this many pictures, the first by name; `nil` for all.
    ///   - needed: What the metrics take at most.
    package init(files: Int, limit: Int?, needed: Int, seed: UInt64) {
        let allowed = limit ?? .max
        wanted = min(files, allowed, needed)
        isDrawn = min(files, allowed) > needed
        if isDrawn {
            var generator = SeededGenerator(seed: seed, purpose: "pictures")
            order = generator.permutation(of: min(files, allowed))
        } else {
            order = Array(0..<files)
        }
    }
}
