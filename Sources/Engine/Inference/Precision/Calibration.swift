/// The range of each value of an optimised graph, measured on inputs like those to come.
package struct Calibration: Sendable, Hashable {
    /// What the elements of a value lie between, but for outliers.
    struct Range: Sendable, Hashable {
        let low, high: Float
    }

    let ranges: [String: Range]
    /// Results of convolutions that are not to be quantised, because the outputs depend on them too much.
    package var kept: Set<String> = []
    /// Whether convolutions of the graph's inputs are quantised too.
    package var quantizesFirstLayer = false
}
