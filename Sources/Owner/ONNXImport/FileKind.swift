// SPDX-License-Identifier: Apache-2.0
/// Files that are commonly mistaken for ONNX models, recognised by their first bytes, with a remedy.
enum FileKind {
    /// The kind of file and how to get an ONNX model from it; `nil` if the first bytes are unknown.
    static func remedy(for start: [UInt8]) -> String? {
        func begins(_ text: String, at offset: Int = 0) -> Bool { start.dropFirst(offset).starts(with: text.utf8) }
        if begins("version https://git-lfs") { return "it is a Git LFS pointer, not the model: run `git lfs pull`" }
        if begins("PK\u{3}\u{4}") {
            return "it is a ZIP archive, as PyTorch (.pt, .pth) and Keras 3 (.keras) save models: export it with "
                + "torch.onnx.export or tf2onnx, or unpack the .onnx"
        }
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
        if begins("ftrt") { return "it is an engine of TensorRT: take the ONNX file that it was built from" }
        if start.prefix(3) == [0x08, 0x01, 0x12] {
            return
                "it is TensorFlow's SavedModel: convert its folder with `python -m tf2onnx.convert --saved-model DIR "
                + "--output model.onnx`"
        }
        if let reason = unlabelled(start) { return reason }
        if begins("GGUF") { return "it is a GGUF file of a language model" }
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
