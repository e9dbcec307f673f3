// SPDX-License-Identifier: Apache-2.0
import CInflate
import OpenInference

/// The compression of a request's body.
enum ContentCoding {
    /// Whether a body has to be decoded.
    ///
    /// - Parameter coding: The header `content-encoding`.
    static func isNamed(_ coding: String?) -> Bool { !["identity", ""].contains(coding?.lowercased() ?? "") }

    /// - Parameters:
    ///   - coding: The header `content-encoding`.
    ///   - maximumBytes: The maximum size of the decoded body.
    /// - Throws: ``OpenInferenceError`` `.invalidArgument`, `.tooLarge`.
    /// - Source: RFC 9110, section 8.4.1.
    static func decode(
        _ body: [UInt8], _ coding: String?, maximumBytes: Int
    ) throws(OpenInferenceError) -> [UInt8] {
        guard isNamed(coding) else { return body }
        switch coding?.lowercased() ?? "" {
        case "gzip", "x-gzip", "deflate": break
        case let other:
            throw OpenInferenceError(
                .invalidArgument,
                "the content encoding '\(other.beginning(20))' is not known; send gzip, deflate or none")
        }
        var outcome = CINFLATE_DAMAGED
        let bytes = [UInt8](unsafeUninitializedCapacity: maximumBytes) { target, count in
            var written: Int64 = 0
            outcome = body.withUnsafeBufferPointer { source in
                cinflate(source.baseAddress, Int64(source.count), target.baseAddress, Int64(maximumBytes), &written)
            }
            count = Int(written)
        }
        switch outcome {
        case CINFLATE_DONE: return Array(bytes)
        case CINFLATE_TOO_LARGE:
            throw OpenInferenceError(.tooLarge, "the body is over \(maximumBytes) bytes when it is inflated")
        default: throw OpenInferenceError(.invalidArgument, "the body is damaged: it cannot be inflated")
        }
    }
}
