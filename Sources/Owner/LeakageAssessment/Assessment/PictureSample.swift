// SPDX-License-Identifier: Apache-2.0
/// Which files of a folder an assessment reads, and in which order it tries them.
///
/// All files, or the first by name if the owner limits their number. If there are more than the measures need, a random
/// sample with the given seed. Names often contain the class or the day, so the first files by name are not
/// representative.
package struct PictureSample: Sendable, Hashable {
    /// Number of readable images that are enough.
    package let wanted: Int
    /// Positions in the folder's order of names. Damaged files are replaced by later ones of this list.
    package let order: [Int]
    /// Whether ``order`` is random.
    package let isDrawn: Bool

    /// The images of the channel KL: a random sample with the given seed, in random order, so that its first part stands
    /// for all images as well. All images in their order if they are used at every cut.
    ///
    /// - Parameters:
    ///   - images: Number of images in use.
    ///   - limit: Most images.
    ///   - few: Number of images at cuts where the channel KL decides nothing, the first of the sample.
    package static func channelPictures(of images: Int, limit: Int, few: Int, seed: UInt64) -> [Int] {
        guard min(limit, few) < images else { return Array(0..<images) }
        var generator = SeededGenerator(seed: seed, purpose: "channel KL")
        return Array(generator.permutation(of: images).prefix(limit))
    }

    /// - Parameters:
    ///   - files: Number of files in the folder.
    ///   - limit: Use only the first so many images by name; `nil` for all.
    ///   - needed: Most images that any measure uses.
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
