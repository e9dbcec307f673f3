// SPDX-License-Identifier: Apache-2.0
/// Why a bundle was not written or not opened.
package struct PartitioningError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        package let name: String
        private init(_ name: String) { self.name = name }

        /// The model, the cuts or the labels do not give a valid bundle.
        package static let invalidModel = Code("invalidModel")
        /// The folder exists already, is missing, or cannot be read or written.
        package static let file = Code("file")
        /// A part, the manifest or its signature was altered.
        package static let damagedBundle = Code("damagedBundle")
        /// A key could not be read, written or used.
        package static let key = Code("key")
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
