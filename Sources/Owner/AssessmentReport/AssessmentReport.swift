// SPDX-License-Identifier: Apache-2.0
internal import Crypto
package import FoundationEssentials
internal import Glibc
internal import Hexadecimal
internal import Imaging
package import LeakageAssessment

/// Writes the results of an assessment: `assessment.json`, `plan.json`, `report.html`.
package enum AssessmentReport {
    package static let fileNames = ["assessment.json", "plan.json", "report.html"]
    /// The subfolder of stored results, until there is a report.
    package static let workName = "work"

    /// Checks that `folder` may be written: it does not exist, is empty, or holds an earlier assessment and nothing
    /// else. Callers check before the assessment, not after it.
    ///
    /// - Throws: ``AssessmentError`` `.file`.
    package static func checkWritable(_ folder: String) throws(AssessmentError) {
        let manager = FileManager.default
        var isFolder = false
        guard manager.fileExists(atPath: folder, isDirectory: &isFolder) else {
            let parent = URL(filePath: folder).deletingLastPathComponent().path()
            guard manager.fileExists(atPath: parent, isDirectory: &isFolder), isFolder,
                manager.isWritableFile(atPath: parent)
            else {
                throw AssessmentError(.file, "\(folder): its parent folder does not exist or may not be written")
            }
            return
        }
        guard isFolder else { throw AssessmentError(.file, "\(folder): it is a file, expected a folder") }
        let found: [String]
        do { found = try manager.contentsOfDirectory(atPath: folder) } catch {
            throw AssessmentError(.file, "\(folder): it cannot be read: \(reason(of: error))")
        }
        let known = fileNames + (WorkDirectory.holdsOnlyPieces("\(folder)/\(workName)") ? [workName] : [])
        if let stranger = found.filter({ !known.contains($0) }).min() {
            throw AssessmentError(
                .file,
                "\(folder): it holds '\(stranger)', and only an empty folder or an earlier assessment is replaced; "
                    + "choose another folder")
        }
    }

    /// Writes the three files, all or none; they replace an earlier assessment and its stored results. The folder is a
    /// new one with mode 0700, also where it replaces another; the files have mode 0600.
    ///
    /// - Throws: ``AssessmentError`` `.file`, and what ``checkWritable(_:)`` refuses.
    package static func write(_ result: AssessmentResult, to folder: String) throws(AssessmentError) {
        try checkWritable(folder)
        let files = try contents(of: result)
        let target = URL(filePath: folder, directoryHint: .isDirectory)
        let stem = ".\(target.lastPathComponent).\(UUID().uuidString)"
        let parent = target.deletingLastPathComponent()
        let fresh = parent.appending(path: stem + ".new", directoryHint: .isDirectory)
        let manager = FileManager.default
        do {
            // The report contains images, so folder and files are for their owner only, whatever the umask.
            try manager.createDirectory(
                at: fresh, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            for (name, data) in files {
                let file = fresh.appending(path: name)
                try data.write(to: file)
                try manager.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path())
            }
            if manager.fileExists(atPath: target.path()) {
                let old = parent.appending(path: stem + ".old", directoryHint: .isDirectory)
                try manager.moveItem(at: target, to: old)
                do { try manager.moveItem(at: fresh, to: target) } catch {
                    try? manager.moveItem(at: old, to: target)
                    throw error
                }
                try? manager.removeItem(at: old)
            } else {
                try manager.moveItem(at: fresh, to: target)
            }
        } catch {
            try? manager.removeItem(at: fresh)
            throw AssessmentError(.file, "\(folder): the assessment cannot be written: \(reason(of: error))")
        }
    }

    private static func reason(of error: any Error) -> String {
        switch (error as? CocoaError)?.code {
        case .fileWriteOutOfSpace: "no space is left"
        case .fileReadNoPermission, .fileWriteNoPermission: "permission denied"
        case .fileWriteVolumeReadOnly: "the volume is read-only"
        default:
            switch ((error as? CocoaError)?.underlying as? POSIXError)?.code {
            // A limit on the size of files, or a quota.
            case .EFBIG, .EDQUOT, .ENOSPC: "no space is left"
            case let code?: String(cString: strerror(code.rawValue))
            case nil: "the system refuses it"
            }
        }
    }

    /// The files' names and bytes. Equal results give equal bytes.
    ///
    /// - Throws: ``AssessmentError`` `.file` when an image cannot be encoded, `.malformedPlan` when the model's digest
    ///   is invalid.
    package static func contents(
        of result: AssessmentResult
    ) throws(AssessmentError) -> [(name: String, data: Data)] {
        let json = Data(AssessmentJSON.text(of: result).utf8)
        let digest = SHA256.hash(data: json).hex
        let plan = try PartitionPlan(
            front: result.recommendation.front, mapping: result.recommendation.mapping,
            sigma: result.recommendation.sigma, modelSHA256: result.model.sha256, assessmentSHA256: digest,
            rule: result.recommendation.rule,
            reason: result.recommendation.reason)
        let page: String
        do throws(ImagingError) { page = try ReportPage.html(of: result) } catch {
            throw AssessmentError(.file, "the report's pictures cannot be encoded: \(error.message)")
        }
        return [
            ("assessment.json", json), ("plan.json", try plan.encoded()), ("report.html", Data(page.utf8)),
        ]
    }
}
