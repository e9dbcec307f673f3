// SPDX-License-Identifier: Apache-2.0
/// Limits of the sliding windows that are passed to oneDNN. oneDNN generates code for each position in the padding, and
/// counts positions in 32 bits. Without limits, a file of a few bytes could make it use gigabytes.
enum WindowLimits {
    /// Far above the padding in real networks, which is about half a window.
    static let maximumPadding = 1024
    static let maximumStep = 1 << 16

    /// - Throws: ``OneDNNError``, unimplemented, for a window beyond the limits.
    static func check(
        _ operation: String, strides: [Int], dilations: [Int], padding: [Int]
    ) throws(OneDNNError) {
        guard padding.allSatisfy({ $0 <= maximumPadding }) else {
            throw OneDNNError(
                message: "\(operation): padding \(padding.max() ?? 0) is over the limit of \(maximumPadding)",
                isUnimplemented: true)
        }
        guard (strides + dilations).allSatisfy({ $0 <= maximumStep }) else {
            throw OneDNNError(
                message: "\(operation): a stride or dilation is over the limit of \(maximumStep)",
                isUnimplemented: true)
        }
    }
}
