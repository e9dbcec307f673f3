/// A picture as numbers in [0, 1], interleaved: `[height, width, channels]`, rows from the top.
package struct Picture: Sendable, Hashable {
    package let height: Int
    package let width: Int
    /// 1 (grey) or 3 (red, green, blue).
    package let channels: Int
    package var values: [Float]

    /// The number of values must be that of the extents.
    package init(height: Int, width: Int, channels: Int, values: [Float]) {
        precondition(values.count == height * width * channels)
        self.height = height
        self.width = width
        self.channels = channels
        self.values = values
    }

    /// The same extents, so that values correspond.
    package func matches(_ other: Picture) -> Bool {
        height == other.height && width == other.width && channels == other.channels
    }

    /// Averages areas: the value of a target pixel is the mean of the source under it, fractions of source pixels
    /// counting by their area.
    package func shrunk(height target: Int, width targetWidth: Int) -> Picture {
        let rows = Self.coverage(from: height, to: target)
        let columns = Self.coverage(from: width, to: targetWidth)
        var result = [Float](repeating: 0, count: target * targetWidth * channels)
        for y in 0..<target {
            for x in 0..<targetWidth {
                for channel in 0..<channels {
                    var sum = 0.0
                    for (sourceY, weightY) in rows[y] {
                        for (sourceX, weightX) in columns[x] {
                            let value = values[(sourceY * width + sourceX) * channels + channel]
                            sum += weightY * weightX * Double(value)
                        }
                    }
                    result[(y * targetWidth + x) * channels + channel] = Float(sum)
                }
            }
        }
        return Picture(height: target, width: targetWidth, channels: channels, values: result)
    }

    /// For each target index the source indices that it covers and their shares, which add up to 1.
    private static func coverage(from source: Int, to target: Int) -> [[(Int, Double)]] {
        let scale = Double(source) / Double(target)
        return (0..<target).map { index in
            let (start, end) = (Double(index) * scale, Double(index + 1) * scale)
            return (Int(start)..<min(source, Int(end.rounded(.up)))).compactMap { position in
                let part = min(end, Double(position + 1)) - max(start, Double(position))
                return part > 1e-9 ? (position, part / scale) : nil
            }
        }
    }
}
