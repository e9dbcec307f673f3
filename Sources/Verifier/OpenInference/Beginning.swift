// SPDX-License-Identifier: Apache-2.0
extension String {
    /// As much of a sender's text as a message repeats.
    ///
    /// - Parameter count: In Unicode scalars: one `Character` may have any number of bytes.
    package func beginning(_ count: Int = 80) -> String {
        String(String.UnicodeScalarView(unicodeScalars.prefix(count)))
    }
}
