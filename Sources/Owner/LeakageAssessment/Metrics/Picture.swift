// SPDX-License-Identifier: Apache-2.0
/// An image as numbers in [0, 1], interleaved: `[height, width, channels]`, rows from the top.
package struct Picture: Sendable, Hashable {
    package let height: Int
    package let width: Int
    /// 1 (grey) or 3 (red, green, blue).
    package let channels: Int
    package var values: [Float]

    /// The number of values must be the product of the extents.
    package init(height: Int, width: Int, channels: Int, values: [Float]) {
        precondition(values.count == height * width * channels)
        self.height = height
        self.width = width
        self.channels = channels
        self.values = values
    }

    /// Whether the extents are equal.
    package func matches(_ other: Picture) -> Bool {
        height == other.height && width == other.width && channels == other.channels
    }

    /// The mean of images of one size; at least one image.
    package static func mean(of pictures: [Picture]) -> Picture {
        var sum = [Double](repeating: 0, count: pictures[0].values.count)
        for picture in pictures { for index in sum.indices { sum[index] += Double(picture.values[index]) } }
        var result = pictures[0]
        result.values = sum.map { Float($0 / Double(pictures.count)) }
        return result
    }

    /// A weighted sum of images of one size, clipped to [0, 1]; at least one image.
    static func combined(_ pictures: [Picture], weights: [Double]) -> Picture {
        var sum = [Double](repeating: 0, count: pictures[0].values.count)
        for (picture, weight) in zip(pictures, weights) where weight != 0 {
            for index in sum.indices { sum[index] += weight * Double(picture.values[index]) }
        }
        var result = pictures[0]
        result.values = sum.map { Float(min(max($0, 0), 1)) }
        return result
    }

    /// A part of an image, in pixels from its top left corner. It may extend beyond the edges, where the edge pixels
    /// are repeated.
    package struct Region: Sendable, Hashable {
        package let top: Double
        package let left: Double
        package let height: Double
        package let width: Double

        package init(top: Double, left: Double, height: Double, width: Double) {
            (self.top, self.left, self.height, self.width) = (top, left, height, width)
        }
    }

    /// The whole image.
    package var whole: Region { Region(top: 0, left: 0, height: Double(height), width: Double(width)) }

    /// Area averaging: each target pixel is the mean of the source pixels under it, fractions of pixels weighted by
    /// their area.
    package func averaged(over region: Region, height target: Int, width targetWidth: Int) -> Picture {
        let rows = Self.coverage(from: region.top, extent: region.height, of: height, to: target)
        let columns = Self.coverage(from: region.left, extent: region.width, of: width, to: targetWidth)
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

    /// The whole image averaged to `side` x `side` areas.
    package func averaged(to side: Int) -> Picture {
        averaged(
            over: Region(top: 0, left: 0, height: Double(height), width: Double(width)), height: side, width: side)
    }

    /// For each target index, the source indices that it covers and their weights, which sum to 1.
    private static func coverage(
        from origin: Double, extent: Double, of source: Int, to target: Int
    ) -> [[(Int, Double)]] {
        let scale = extent / Double(target)
        return (0..<target).map { index in
            let start = origin + Double(index) * scale
            let end = start + scale
            return (Int(start.rounded(.down))..<Int(end.rounded(.up))).compactMap { position in
                let part = min(end, Double(position + 1)) - max(start, Double(position))
                return part > 1e-9 ? (min(max(position, 0), source - 1), part / scale) : nil
            }
        }
    }
}
