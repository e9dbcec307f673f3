// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation

/// The default folder of an assessment's stored results.
enum WorkFolder {
    static func inside(_ out: String) -> String { "\(out)/\(AssessmentReport.workName)" }

    static func lies(_ path: String, in folder: String) -> Bool {
        func components(_ path: String) -> [String] { URL(filePath: path).standardizedFileURL.pathComponents }
        return components(path).starts(with: components(folder))
    }
}
