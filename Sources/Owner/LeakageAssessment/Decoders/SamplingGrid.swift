// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// Where the elements of a feature map lie over the input image: along each axis, element i is centred at `start + i *
/// step` pixels from the top left corner (the first pixel is centred at 0.5).
///
/// A local decoder maps cells to pixels with the same weights everywhere, so image and map must be aligned: a map of 55
/// from an image of 224 steps by 4 pixels, not by 224 / 55.
package struct SamplingGrid: Sendable, Hashable {
    package struct Axis: Sendable, Hashable {
        package var start: Double
        package var step: Double

        package init(start: Double, step: Double) {
            self.start = start
            self.step = step
        }
    }

    /// Vertical, horizontal.
    package var axes: [Axis]

    /// Every pixel of the image.
    package static let pixels = SamplingGrid(axes: [Axis(start: 0.5, step: 1), Axis(start: 0.5, step: 1)])

    /// The part of the image that the cells cover; a cell has `block` elements along each axis.
    package func region(cells: (height: Int, width: Int), block: Int) -> Picture.Region {
        let (vertical, horizontal) = (axes[0], axes[1])
        return Picture.Region(
            top: vertical.start - vertical.step / 2, left: horizontal.start - horizontal.step / 2,
            height: vertical.step * Double(block * cells.height),
            width: horizontal.step * Double(block * cells.width))
    }

    fileprivate func after(_ window: Window) -> SamplingGrid? {
        guard window.kernel.count == 2 else { return nil }
        var result = self
        for axis in 0..<2 {
            let reach = Double((window.kernel[axis] - 1) * window.dilations[axis])
            result.axes[axis].start += (reach / 2 - Double(window.padBefore(axis))) * axes[axis].step
            result.axes[axis].step *= Double(window.strides[axis])
        }
        return result
    }
}

extension Graph {
    /// The grid of every value that has one: `[n, c, h, w]` computed from the image by windows and element-wise
    /// operations.
    var samplingGrids: [String: SamplingGrid] {
        var grids: [String: SamplingGrid] = [:]
        for input in inputs where input.type.shape.rank == 4 { grids[input.name] = .pixels }
        for node in nodes {
            guard let grid = node.inputs.lazy.compactMap({ grids[$0] }).first, let output = node.outputs.first,
                type(of: output).shape.rank == 4
            else { continue }
            switch node.operation {
            case .convolution(let convolution): grids[output] = grid.after(convolution.window)
            case .pooling(let pooling): grids[output] = grid.after(pooling.window)
            case .batchNormalization, .activation, .localResponseNormalization, .identity:
                grids[output] = grid
            case .arithmetic, .concat:
                // Operands of other extents (a channel's weight, for instance) do not change the grid.
                let extents = type(of: output).shape.dimensions.suffix(2)
                grids[output] =
                    node.inputs.lazy.filter { self.type(of: $0).shape.dimensions.suffix(2) == extents }
                    .compactMap { grids[$0] }.first
            case .pad(let pad) where pad.pads.count == 8:
                var moved = grid
                for axis in 0..<2 { moved.axes[axis].start -= Double(pad.pads[2 + axis]) * grid.axes[axis].step }
                grids[output] = moved
            default: break
            }
        }
        return grids
    }
}
