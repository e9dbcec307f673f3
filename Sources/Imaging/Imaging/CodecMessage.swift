// SPDX-License-Identifier: Apache-2.0
import CImageCodecs

/// The error text of a C codec.
enum CodecMessage {
    /// - Throws: ``ImagingError`` `.corrupt` with the codec's text when `body` returns other than 0.
    static func check(
        _ format: String, _ body: (UnsafeMutablePointer<CChar>) -> CInt
    ) throws(ImagingError) {
        let failure = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(ICC_MESSAGE_BYTES)) {
            buffer -> String? in
            buffer.initialize(repeating: 0)
            guard let base = buffer.baseAddress, body(base) != 0 else { return nil }
            return String(cString: base)
        }
        if let failure { throw ImagingError(.corrupt, "\(format): \(failure)") }
    }
}
