/// What crosses a cut for several pictures, on one grid of cells: per picture `[height, width, channels]`.
package struct FeatureMaps: Sendable {
    package let height: Int
    package let width: Int
    package let channels: Int
    /// One array per picture.
    package var values: [[Float]]

    package init(height: Int, width: Int, channels: Int, values: [[Float]]) {
        precondition(values.allSatisfy { $0.count == height * width * channels })
        self.height = height
        self.width = width
        self.channels = channels
        self.values = values
    }

    package var cells: Int { height * width }

    /// The channels as `projection` combines them.
    package func projected(by projection: ChannelProjection) -> FeatureMaps {
        FeatureMaps(
            height: height, width: width, channels: projection.target,
            values: values.map { projection.apply(to: $0, cells: cells) })
    }
}
