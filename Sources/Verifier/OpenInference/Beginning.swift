// SPDX-License-Identifier: Apache-2.0
extension String {
    /// The beginning of a sender's text, for messages that quote it.
    ///
    /// - Parameter count: In Unicode scalars: one `Character` may have any number of bytes.
    package func beginning(_ count: Int = 80) -> String {
        String(String.UnicodeScalarView(unicodeScalars.prefix(count)))
    }
}
