// SPDX-License-Identifier: Apache-2.0
/// Standardises each channel by its mean and standard deviation over the training images.
///
/// The deviation is at least 5 % of the median one, and values are clipped at 6 deviations. Without that, a channel
/// that is constant in training and not in testing ruins a decoder.
package struct ChannelScaling: Sendable {
    package static let deviationFloor = 0.05
    package static let clip: Float = 6

    private let mean: [Float]
    private let inverse: [Float]

    /// - Parameter pictures: The images whose maps give mean and deviation.
    package init(of maps: FeatureMaps, pictures: [Int]) {
        var sum = [Double](repeating: 0, count: maps.channels)
        var squares = sum
        for picture in pictures {
            let values = maps.values(of: picture)
            for cell in 0..<maps.cells {
                let start = cell * maps.channels
                for channel in 0..<maps.channels {
                    let value = Double(values[start + channel])
                    sum[channel] += value
                    squares[channel] += value * value
                }
            }
        }
        let count = Double(max(1, pictures.count * maps.cells))
        let means = sum.map { $0 / count }
        let deviations = zip(squares, means).map { max(0, $0 / count - $1 * $1).squareRoot() }
        let floor = max(Self.deviationFloor * Statistics.median(deviations), Double(Float.leastNormalMagnitude))
        mean = means.map(Float.init)
        inverse = deviations.map { Float(1 / max($0, floor)) }
    }

    /// Standardises one image's map in place.
    package func apply(to map: inout [Float]) {
        let channels = mean.count
        map.withUnsafeMutableBufferPointer { map in
            for start in stride(from: 0, to: map.count, by: channels) {
                for channel in 0..<channels {
                    let value = (map[start + channel] - mean[channel]) * inverse[channel]
                    map[start + channel] = min(max(value, -Self.clip), Self.clip)
                }
            }
        }
    }
}
