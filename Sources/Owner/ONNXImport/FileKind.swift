// SPDX-License-Identifier: Apache-2.0
/// Files that are commonly mistaken for ONNX models, recognised by their first bytes, with a remedy.
enum FileKind {
    /// The kind of file and how to get an ONNX model from it; `nil` if the first bytes are unknown.
    static func remedy(for start: [UInt8]) -> String? {
        func begins(_ text: String, at offset: Int = 0) -> Bool { start.dropFirst(offset).starts(with: text.utf8) }
        if isPointer(start) { return "it is a Git LFS pointer, not the model: run `git lfs pull`" }
        if begins("PK\u{3}\u{4}") { return archive(start) }
        if begins("TFL3", at: 4) {
            return "it is a TFLite file: convert it with `python -m tf2onnx.convert --tflite FILE --output model.onnx`"
        }
        if begins("ORTM", at: 4) { return "it is in ONNX Runtime's own format: take the .onnx that it was made from" }
        if start.prefix(4) == [0x89, 0x48, 0x44, 0x46] {
            return "it is an HDF5 file, as Keras saves models: load it there and convert it with tf2onnx"
        }
        if start.count > 1, start[0] == 0x80, (2...5).contains(start[1]) {
            return "it is a Python pickle, as PyTorch saves models: load it there and export it with torch.onnx.export"
        }
        if start.prefix(2) == [0x1F, 0x8B] { return "it is compressed: unpack it with gunzip" }
        if begins("ftrt") || begins("ptrt") {
            return "it is an engine of TensorRT: take the ONNX file that it was built from"
        }
        if let reason = coreML(start) { return reason }
        if start.prefix(3) == [0x08, 0x01, 0x12] {
            return
                "it is TensorFlow's SavedModel: convert its folder with `python -m tf2onnx.convert --saved-model DIR "
                + "--output model.onnx`"
        }
        if let reason = unlabelled(start) { return reason }
        if begins("GGUF") { return "it is a GGUF file of a language model: only classifiers of pictures are served" }
        // Version 0.1 or 0.2.
        if start.count > 8, start.prefix(4) == [0, 0, 0, 0], [1, 2].contains(start[4]), start[5..<8] == [0, 0, 0] {
            return "it holds Darknet's weights: name the .cfg as the model, and this file with --weights"
        }
        if begins("{\"", at: 8) { return "it holds safetensors, weights without a network: export the model to ONNX" }
        let text = start.prefix(64).drop { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
        if text.starts(with: "<!DOCTYPE".utf8) || text.starts(with: "<html".utf8) || text.starts(with: "<!doctype".utf8)
        {
            return "it is a web page: download the file itself (raw), not the page that shows it"
        }
        if text.starts(with: "<?xml".utf8) || text.starts(with: "<net".utf8) {
            return "it is XML, as OpenVINO's: take the ONNX file that it was made from"
        }
        if start.prefix(3) == [0xFF, 0xD8, 0xFF] || start.prefix(4) == [0x89, 0x50, 0x4E, 0x47] {
            return "it is a picture"
        }
        if text.first == 0x7B {
            return "it is JSON: a network of TensorFlow.js is converted with "
                + "`python -m tf2onnx.convert --tfjs model.json --output model.onnx`"
        }
        return nil
    }

    /// Whether a file that begins so stands for one in Git's large file storage.
    static func isPointer(_ start: [UInt8]) -> Bool { start.starts(with: "version https://git-lfs".utf8) }

    /// ZIP archives, told apart by the name of their first file.
    private static func archive(_ start: [UInt8]) -> String {
        let text = String(decoding: start, as: UTF8.self)
        if text.contains("data.pkl") {
            return "it is a PyTorch file: load it there and export it with torch.onnx.export"
        }
        if text.contains("metadata.json") {
            return "it is a Keras file: load it there and convert it with tf2onnx"
        }
        return "it is a ZIP archive, as PyTorch (.pt, .pth) and Keras 3 (.keras) save models: export it with "
            + "torch.onnx.export or tf2onnx, or unpack the .onnx"
    }

    /// A network of Core ML: the version of its form, then the description, whose first field is an input with its
    /// name. In an ONNX file the same field is a text.
    private static func coreML(_ start: [UInt8]) -> String? {
        guard start.count > 3, start[0] == 0x08, (1...16).contains(start[1]), start[2] == 0x12 else { return nil }
        let description = start.dropFirst(3).drop { $0 >= 0x80 }.dropFirst()
        guard description.first == 0x0A,
            description.dropFirst().drop(while: { $0 >= 0x80 }).dropFirst().first == 0x0A
        else { return nil }
        return "it is a network of Core ML: take the network that it was made from, and export that to ONNX"
    }

    /// Protocol buffers whose first field is a message: a network of TensorFlow 1, whose first field is a node with its
    /// name, or of PaddlePaddle, a block with its number.
    private static func unlabelled(_ start: [UInt8]) -> String? {
        guard start.first == 0x0A else { return nil }
        // After the field's number, its length in groups of seven bits.
        let inner = start.dropFirst().drop { $0 >= 0x80 }.dropFirst()
        if inner.first == 0x0A {
            return "it is a network of TensorFlow 1: convert it with "
                + "`python -m tf2onnx.convert --graphdef FILE --inputs NAME:0 --outputs NAME:0 --output model.onnx`"
        }
        return inner.starts(with: [0x08, 0x00])
            ? "it is a network of PaddlePaddle: convert it with `paddle2onnx --model_dir DIR --model_filename FILE "
                + "--params_filename FILE --save_file model.onnx`"
            : nil
    }
}
