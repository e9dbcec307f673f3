// SPDX-License-Identifier: Apache-2.0
/// The images for fitting, for choosing the penalty, and for testing a decoder. The same for all cuts.
package struct PictureSplit: Sendable, Hashable {
    /// The smallest number of images that can be split.
    package static let minimum = 8

    package let fitting: [Int]
    package let validation: [Int]
    package let testing: [Int]

    /// A quarter of the images is for testing and a fifth of the rest for validation, drawn with the seed; each list is
    /// in ascending order.
    ///
    /// - Parameter count: At least ``minimum``.
    package init(count: Int, seed: UInt64) {
        precondition(count >= Self.minimum)
        var generator = SeededGenerator(seed: seed, purpose: "split")
        let order = generator.permutation(of: count)
        let tests = max(2, count / 4)
        let validations = max(1, (count - tests) / 5)
        testing = order[..<tests].sorted()
        validation = order[tests..<tests + validations].sorted()
        fitting = order[(tests + validations)...].sorted()
    }

    /// The given lists, which must not overlap.
    package init(fitting: [Int], validation: [Int], testing: [Int]) {
        self.fitting = fitting
        self.validation = validation
        self.testing = testing
    }

    /// The same test images with a part of the fitting and validation images, at least two and one.
    package func fraction(oneOf parts: Int) -> PictureSplit {
        // Spread over the names, which may begin with the class.
        func part(of pictures: [Int]) -> [Int] {
            stride(from: 0, to: pictures.count, by: parts).map { pictures[$0] }
        }
        return PictureSplit(fitting: part(of: fitting), validation: part(of: validation), testing: testing)
    }

    /// ``fitting`` and ``validation``.
    package var training: [Int] { (fitting + validation).sorted() }
}
