import AssessmentReport
import Foundation

/// Where the pieces of an assessment are kept unless the caller says it.
enum WorkFolder {
    static func inside(_ out: String) -> String { "\(out)/\(AssessmentReport.workName)" }

    static func lies(_ path: String, in folder: String) -> Bool {
        func components(_ path: String) -> [String] { URL(filePath: path).standardizedFileURL.pathComponents }
        return components(path).starts(with: components(folder))
    }
}
