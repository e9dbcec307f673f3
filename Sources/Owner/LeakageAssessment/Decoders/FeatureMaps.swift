// SPDX-License-Identifier: Apache-2.0
/// The feature maps of several images at a cut, on one grid of cells: per image `[height, width, channels]`.
package struct FeatureMaps: Sendable {
    package let height: Int
    package let width: Int
    package let channels: Int
    private let records: RecordStore<Float>
    private let scratch: ScratchSpace

    /// - Parameter records: One per image; all of them written.
    init(height: Int, width: Int, channels: Int, records: RecordStore<Float>, scratch: ScratchSpace) {
        precondition(records.length == height * width * channels)
        self.height = height
        self.width = width
        self.channels = channels
        self.records = records
        self.scratch = scratch
    }

    /// - Parameter values: One array per image.
    package init(
        height: Int, width: Int, channels: Int, values: [[Float]], scratch: ScratchSpace = ScratchSpace()
    ) throws(AssessmentError) {
        let records = try RecordStore<Float>(
            count: values.count, length: height * width * channels, in: scratch)
        for (picture, values) in values.enumerated() { try records.write(values, at: picture) }
        self.init(height: height, width: width, channels: channels, records: records, scratch: scratch)
    }

    /// Number of images.
    package var count: Int { records.count }
    package var cells: Int { height * width }

    /// The values of one image.
    package func values(of picture: Int) -> [Float] { records.record(picture) }

    /// Inner products for each pair of images.
    package var gram: SymmetricMatrix { GramMatrix.of(records) }

    /// The same, and with `withRoots` those of the signed square roots.
    func gram(withRoots: Bool) -> (gram: SymmetricMatrix, roots: SymmetricMatrix?) {
        GramMatrix.of(records, withRoots: withRoots)
    }

    /// Transformed maps on the same grid.
    ///
    /// - Throws: ``AssessmentError`` `.file` when they need a file and the disk is full.
    package func mapped(
        channels: Int, _ body: (inout [Float]) -> Void
    ) throws(AssessmentError) -> FeatureMaps {
        let mapped = try RecordStore<Float>(count: count, length: cells * channels, in: scratch)
        for picture in 0..<count {
            var values = values(of: picture)
            body(&values)
            try mapped.write(values, at: picture)
        }
        try check()
        return FeatureMaps(height: height, width: width, channels: channels, records: mapped, scratch: scratch)
    }

    /// The channels after `projection`.
    package func projected(by projection: ChannelProjection) throws(AssessmentError) -> FeatureMaps {
        try mapped(channels: projection.target) { $0 = projection.apply(to: $0, cells: cells) }
    }

    /// - Throws: ``AssessmentError`` `.file` when values could not be read, which were replaced by zeros.
    package func check() throws(AssessmentError) { try records.check() }
}
