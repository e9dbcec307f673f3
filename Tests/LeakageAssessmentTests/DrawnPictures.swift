// SPDX-License-Identifier: Apache-2.0
import Foundation
import Imaging
import LeakageAssessment

/// A folder of drawn pictures that is deleted with the value, and room for a work directory beside them.
final class DrawnPictures: Sendable {
    private let root = FileManager.default.temporaryDirectory.appending(path: "assessment-\(UUID().uuidString)")
    let folder: URL

    /// - Parameter grain: The largest deviation of a value from the drawing, which no attack can reconstruct where the
    ///   network has fewer features than pixels.
    init(count: Int, seed: UInt64 = 1, grain: Float = 0) throws {
        folder = root.appending(path: "pictures")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var generator = SeededGenerator(seed: seed)
        for index in 0..<count {
            let coarse = Picture(
                height: 4, width: 4, channels: 3, values: (0..<48).map { _ in Float(generator.uniform()) })
            let picture = coarse.averaged(over: coarse.whole, height: 20, width: 20)
            let values = picture.values.map { value in
                grain > 0 ? min(max(value + grain * (2 * Float(generator.uniform()) - 1), 0), 1) : value
            }
            try write(values.map { UInt8($0 * 255) }, to: "\(100 + index).png")
        }
    }

    deinit { try? FileManager.default.removeItem(at: root) }

    /// - Parameter pixels: 20 x 20, RGB.
    func write(_ pixels: [UInt8], to name: String) throws {
        let image = try Image(width: 20, height: 20, channels: 3, pixels: pixels)
        try Data(try image.pngBytes()).write(to: folder.appending(path: name))
    }

    /// A path for a folder that is not there yet.
    func path(_ name: String) -> String { root.appending(path: name).path() }

    func configuration(threads: Int = 2) throws -> AssessmentConfiguration {
        var configuration = AssessmentConfiguration(
            model: try TinyNetwork.network(), validator: try TinyNetwork.network(seed: 9, classes: 6),
            imageFolder: folder.path(), threads: threads)
        configuration.training.epochs = 2...2
        configuration.bounds.pictures = 4
        configuration.fewChannelImages = .max
        configuration.bounds.probes = 2
        configuration.bounds.isAlways = true
        configuration.whiteBox.isAlways = true
        configuration.whiteBox.pictures = 2
        configuration.whiteBox.steps = 15
        return configuration
    }
}
