// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import BundleFormat
import FoundationEssentials
import Imaging
import LeakageAssessment
import Tensors

enum FileTargets {
    /// `plan.json`.
    static func partitionPlan(_ bytes: UnsafeRawBufferPointer) throws {
        let plan = try PartitionPlan(decoding: Data(bytes))
        promise(try PartitionPlan(decoding: plan.encoded()) == plan, "a plan survives its file")
    }

    /// `assessment.json`, as `partition` reads it to record what was assessed.
    static func assessmentFile(_ bytes: UnsafeRawBufferPointer) throws {
        let file = try AssessmentFile(decoding: Data(bytes))
        promise(file.sha256.utf8.count == 64, "an assessment has a digest")
        promise(file.pictures > 0, "an assessment rests on pictures")
    }

    /// What an outsider's attack found, as `assess --attack` reads it.
    static func attackResult(_ bytes: UnsafeRawBufferPointer) throws {
        let result = try AttackResult(decoding: Data(bytes))
        promise((0...1).contains(result.value) && (0...1).contains(result.error), "an attack's numbers are in range")
        promise(result.testPictures > 0 && result.trainingPictures >= 0, "an attack was tested")
        promise(!result.cut.isEmpty && !result.summary.contains("\n"), "an attack's text is a line")
    }

    /// `preprocess.json`.
    static func preprocessing(_ bytes: UnsafeRawBufferPointer) throws {
        let preprocessing = try JSONDecoder().decode(Preprocessing.self, from: Data(bytes))
        let again = try JSONDecoder().decode(Preprocessing.self, from: try JSONEncoder().encode(preprocessing))
        promise(again == preprocessing, "preprocessing survives its file")
    }

    /// `.npy`.
    static func npy(_ bytes: UnsafeRawBufferPointer) throws {
        let tensor = try Tensor(npy: bytes.bytes)
        let again = tensor.npyBytes()
        promise(try Tensor(npy: again.span.bytes).npyBytes() == again, "a tensor survives its file")
    }

    /// JPEG, PNG and WebP.
    static func image(_ bytes: UnsafeRawBufferPointer) throws {
        let image = try Image(decoding: bytes.bytes)
        promise(image.width > 0 && image.height > 0, "a picture has pixels")
    }

    /// `manifest.json`.
    static func manifest(_ bytes: UnsafeRawBufferPointer) throws {
        let manifest = try BundleManifest(decoding: Array(bytes))
        promise(try BundleManifest(decoding: manifest.encoded()) == manifest, "a manifest survives its file")
    }
}
