// SPDX-License-Identifier: Apache-2.0
import Imaging

extension Image {
    /// Decodes an image file that the user named, with a warning if it has several frames or pages.
    ///
    /// - Throws: ``ImagingError``; its message begins with `path`.
    init(named path: String) throws(ImagingError) {
        try self.init(contentsOf: path)
        guard hasFurtherPictures else { return }
        printError("warning: \(path) has several frames or pages, of which the first is used")
    }
}
