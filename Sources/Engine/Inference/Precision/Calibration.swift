/// The range of each value of an optimised graph, measured on inputs like those to come.
package struct Calibration: Sendable, Hashable {
    /// What the elements of a value lie between, but for outliers.
    struct Range: Sendable, Hashable {
        let low, high: Float
    }

    let ranges: [String: Range]
    /// Whether convolutions of the graph's inputs are quantised too.
    package var quantizesFirstLayer = false
}
