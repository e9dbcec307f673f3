// SPDX-License-Identifier: Apache-2.0
/// The rows of the local decoders: for each cell its random features, then the standardised values of the nine cells
/// around it (zeros, that is the mean, beyond the edges), then a 1.
struct NeighbourhoodRows: Sendable {
    /// Number of rows whose random features are computed at once.
    private static let block = 512

    /// The standardised maps.
    let maps: FeatureMaps
    private let random: RandomFeatures

    init(maps: FeatureMaps, seed: UInt64) {
        self.maps = maps
        random = RandomFeatures(inputs: 9 * maps.channels, seed: seed)
    }

    func features(_ form: LocalRidge.Form) -> Int {
        9 * maps.channels + 1 + (form == .randomFeatures ? random.units : 0)
    }

    /// - Parameter map: The map of one image.
    /// - Returns: `[cells, features]`.
    func values(of cells: [Int], in map: [Float], _ form: LocalRidge.Form) -> [Float] {
        let (inputs, features) = (random.inputs, features(form))
        var plain = [Float](repeating: 0, count: cells.count * inputs)
        plain.withUnsafeMutableBufferPointer { plain in
            for (row, cell) in cells.enumerated() {
                neighbourhood(of: cell, in: map) { plain[row * inputs + $0] = $1 }
            }
        }
        var rows = [Float](repeating: 1, count: cells.count * features)
        let units = features - inputs - 1
        let hidden = units > 0 ? random.apply(to: plain, count: cells.count) : []
        rows.withUnsafeMutableBufferPointer { rows in
            for row in cells.indices {
                let start = row * features
                for unit in 0..<units { rows[start + unit] = hidden[row * units + unit] }
                for input in 0..<inputs { rows[start + units + input] = plain[row * inputs + input] }
            }
        }
        return rows
    }

    /// Adds the rows of these cells with all features, and the patches of pixels under them.
    func add(
        _ cells: [Int], of picture: Int, _ target: Picture, patch: (height: Int, width: Int),
        to equations: inout NormalEquations
    ) {
        let rowLength = patch.width * target.channels
        let map = maps.values(of: picture)
        for start in stride(from: 0, to: cells.count, by: Self.block) {
            let part = Array(cells[start..<min(cells.count, start + Self.block)])
            let rows = values(of: part, in: map, .randomFeatures)
            let features = features(.randomFeatures)
            for (row, cell) in part.enumerated() {
                let (y, x) = (cell / maps.width, cell % maps.width)
                equations.addRow { line in
                    rows.withUnsafeBufferPointer { rows in
                        for index in 0..<features { line[index] = Double(rows[row * features + index]) }
                    }
                } outputs: { outputs in
                    for line in 0..<patch.height {
                        let start = (y * patch.height + line) * target.width * target.channels + x * rowLength
                        for index in 0..<rowLength {
                            outputs[line * rowLength + index] = Double(target.values[start + index])
                        }
                    }
                }
            }
        }
    }

    @inline(__always)
    private func neighbourhood(of cell: Int, in map: [Float], _ body: (Int, Float) -> Void) {
        let (y, x) = (cell / maps.width, cell % maps.width)
        map.withUnsafeBufferPointer { values in
            var position = 0
            for neighbourY in y - 1...y + 1 {
                for neighbourX in x - 1...x + 1 {
                    if (0..<maps.height).contains(neighbourY), (0..<maps.width).contains(neighbourX) {
                        let start = (neighbourY * maps.width + neighbourX) * maps.channels
                        for channel in 0..<maps.channels { body(position + channel, values[start + channel]) }
                    }
                    position += maps.channels
                }
            }
        }
    }
}
