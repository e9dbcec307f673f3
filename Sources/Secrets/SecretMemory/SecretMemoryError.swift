// SPDX-License-Identifier: Apache-2.0
/// An error of the `SecretMemory` module. Messages contain file names, and never contents.
package struct SecretMemoryError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        /// No such file.
        package static let notFound = Code("notFound")
        /// A directory, device, pipe, or symbolic link.
        package static let notARegularFile = Code("notARegularFile")
        /// The file belongs to somebody else, or others may read or write it.
        package static let notPrivate = Code("notPrivate")
        /// The file is larger than such a secret can be.
        package static let tooLarge = Code("tooLarge")
        /// A file that must not be overwritten exists.
        package static let exists = Code("exists")
        /// Any other failure to read or write.
        package static let inputOutput = Code("inputOutput")
        /// The kernel refused to harden the process.
        package static let refusedByKernel = Code("refusedByKernel")
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
