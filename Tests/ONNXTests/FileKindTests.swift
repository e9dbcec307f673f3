// SPDX-License-Identifier: Apache-2.0
import Foundation
import ONNXImport
import Testing

/// Files that users mistake for ONNX models.
struct FileKindTests {
    static let kinds: [(name: String, start: [UInt8], phrase: String)] = [
        ("a Git LFS pointer", Array("version https://git-lfs.github.com/spec/v1\noid sha256:a\n".utf8), "git lfs pull"),
        ("PyTorch's archive", Array("PK\u{3}\u{4}archive/data.pkl".utf8), "torch.onnx.export"),
        ("PyTorch's archive by its first file", Array("PK\u{3}\u{4}model/data.pkl".utf8), "it is a PyTorch file"),
        ("Keras's archive", Array("PK\u{3}\u{4}metadata.json".utf8), "it is a Keras file"),
        ("another archive", Array("PK\u{3}\u{4}model.onnx".utf8), "unpack the .onnx"),
        ("Core ML", [0x08, 0x05, 0x12, 0x90, 0x01, 0x0A, 0x2B, 0x0A, 0x05] + Array("image".utf8), "Core ML"),
        ("Core ML's first form", [0x08, 0x01, 0x12, 0x20, 0x0A, 0x10, 0x0A, 0x05] + Array("image".utf8), "Core ML"),
        ("Darknet's weights", [0, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0], "--weights"),
        ("PyTorch's pickle", [0x80, 0x02, 0x7D, 0x71], "torch.onnx.export"),
        ("TFLite", [0x1C, 0, 0, 0] + Array("TFL3".utf8), "--tflite"),
        ("ONNX Runtime's format", [0x20, 0, 0, 0] + Array("ORTM".utf8), "the .onnx"),
        ("Keras's HDF5", [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], "tf2onnx"),
        ("safetensors", [60, 0, 0, 0, 0, 0, 0, 0] + Array("{\"a\":{}}".utf8), "safetensors"),
        ("OpenVINO's XML", Array("<?xml version=\"1.0\"?>\n<net>".utf8), "OpenVINO"),
        ("a web page", Array("\n<!DOCTYPE html><html>".utf8), "web page"),
        ("GGUF", Array("GGUF".utf8) + [3, 0, 0, 0], "language model"),
        ("gzip", [0x1F, 0x8B, 0x08, 0, 0, 0], "gunzip"),
        ("TensorRT's engine", Array("ftrt".utf8) + [0, 0, 0], "TensorRT"),
        ("an older engine of TensorRT", Array("ptrt".utf8) + [0, 0, 0], "TensorRT"),
        ("TensorFlow's SavedModel", [0x08, 0x01, 0x12, 0xFF, 0xFF, 0x03, 0x0A], "--saved-model"),
        ("TensorFlow's graph", [0x0A, 0x8E, 0x01, 0x0A, 0x05] + Array("input".utf8), "--graphdef"),
        ("TensorFlow.js", Array("{\"format\": \"layers-model\"}".utf8), "--tfjs"),
        ("PaddlePaddle", [0x0A, 0xFF, 0xFF, 0x01, 0x08, 0x00, 0x10, 0xFF], "paddle2onnx"),
        ("a photograph", [0xFF, 0xD8, 0xFF, 0xE0], "a picture"),
    ]

    @Test("The error for a file of another kind names the kind and how to convert it to ONNX", arguments: kinds.indices)
    func isNamed(_ index: Int) throws {
        let kind = Self.kinds[index]
        let error = #expect(throws: ONNXImportError.self) { try ONNXModel(bytes: Data(kind.start)) }
        #expect(error?.message.contains("this is not an ONNX model") == true, "\(kind.name)")
        #expect(error?.message.contains(kind.phrase) == true, "\(kind.name): \(error?.message ?? "")")
    }

    @Test("A damaged ONNX model, and an unknown file header, are not named as another kind")
    func unknown() {
        for start in [[0x08, 0x08, 0x12, 0x07, 0x70], [0x0A], [0x0A, 0x80], [0x0A, 0x05, 0x12], [1, 2, 3], []]
            as [[UInt8]]
        {
            let error = #expect(throws: ONNXImportError.self) { try ONNXModel(bytes: Data(start)) }
            #expect(error?.message.contains("it is") == false, "\(start): \(error?.message ?? "")")
        }
    }
}
