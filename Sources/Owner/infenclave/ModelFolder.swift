// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Folders that are named instead of a model file.
enum ModelFolder {
    /// - Throws: ``CommandFailure`` with what to do about a folder; nothing for anything else.
    static func refuse(_ path: String) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else { return }
        throw CommandFailure("model", "\(path) is a folder, expected a file", remedy: remedy(path))
    }

    private static func remedy(_ path: String) -> String {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        if names.contains("saved_model.pb") {
            return "convert this SavedModel of TensorFlow with "
                + "`python -m tf2onnx.convert --saved-model DIR --output model.onnx`"
        }
        if path.hasSuffix(".mlpackage") || names.contains("Manifest.json") {
            return "take the network that this package of Core ML was made from, and export that to ONNX"
        }
        guard let name = names.filter({ $0.lowercased().hasSuffix(".onnx") }).min() else {
            return "name the .onnx file, or Darknet's .cfg"
        }
        return "name the file in it, such as \(name)"
    }
}
