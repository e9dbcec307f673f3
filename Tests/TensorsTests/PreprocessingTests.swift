// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import Testing

@Suite("Preprocessing")
struct PreprocessingTests {
    private static let imageNet = """
        {"width": 224, "height": 224, "channels": "RGB", "resize": {"mode": "shorterSide", "length": 256},
         "interpolation": "bilinear", "mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}
        """

    private static func decode(_ text: String) throws -> Preprocessing {
        try JSONDecoder().decode(Preprocessing.self, from: Data(text.utf8))
    }

    @Test("The default is the usual preprocessing for ImageNet")
    func imageNet() throws {
        #expect(try Self.decode(Self.imageNet) == .imageNet)
    }

    @Test(
        "Encoded preprocessing decodes to the same value",
        arguments: [
            Preprocessing.Resize.shorterSide(300), .shorterSideLike(.torchvision, 300), .stretch,
            .stretchTo(width: 230, height: 200), .stretchToLike(.torchvision, width: 230, height: 200),
            .stretchToLike(.transformers, width: 230, height: 200), .letterbox(fill: 128), .darknetLetterbox, .none,
        ], Preprocessing.Channels.allCases)
    func roundTrip(_ resize: Preprocessing.Resize, _ channels: Preprocessing.Channels) throws {
        let values = [Float](repeating: 0.1, count: channels.count)
        let preprocessing = try Preprocessing(
            width: 224, height: 192, channels: channels, resize: resize, interpolation: .bicubic, mean: values,
            std: values)
        #expect(
            try JSONDecoder().decode(Preprocessing.self, from: JSONEncoder().encode(preprocessing)) == preprocessing)
    }

    struct Change: Sendable, CustomTestStringConvertible {
        let old: String
        let new: String
        /// What the message must name.
        let named: String
        var testDescription: String { "\(old) -> \(new)" }
    }

    @Test(
        "An invalid member is refused by name",
        arguments: [
            Change(old: "\"width\": 224", new: "\"width\": 0", named: "width"),
            Change(old: "\"height\": 224", new: "\"height\": 8193", named: "height"),
            Change(old: "\"width\": 224, ", new: "", named: "width"),
            Change(old: "RGB", new: "rgb", named: "'rgb'"),
            Change(old: "shorterSide", new: "fit", named: "'fit'"),
            Change(old: "256", new: "-1", named: "resize.length"),
            Change(old: "256", new: "100", named: "100"),
            Change(old: ", \"length\": 256", new: "", named: "length"),
            Change(old: "shorterSide", new: "stretch", named: "'length'"),
            Change(old: "shorterSide\", \"length\"", new: "letterbox\", \"fill\"", named: "resize.fill is 256"),
            Change(old: "bilinear", new: "nearest", named: "'nearest'"),
            Change(old: "123.675, ", new: "", named: "mean"),
            Change(old: "58.395", new: "0", named: "std[0]"),
            Change(old: "\"std\"", new: "\"stdev\"", named: "'stdev'"),
        ])
    func refused(_ change: Change) throws {
        let text = Self.imageNet.replacing(change.old, with: change.new)
        #expect(text != Self.imageNet)
        let error = #expect(throws: DecodingError.self) { try Self.decode(text) }
        #expect(String(describing: error).contains(change.named))
    }

    @Test(
        "A stretch with rounding needs both sides and a known rounding, and other members are refused by name",
        arguments: [
            ("\"rounding\": \"torchvision\"", "width"), ("\"width\": 256, \"rounding\": \"timm\"", "height"),
            ("\"width\": 256, \"height\": 256, \"rounding\": \"timm\"", "'timm'"),
            ("\"width\": 200, \"height\": 256, \"rounding\": \"torchvision\"", "200x256"),
            ("\"width\": 0, \"height\": 256, \"rounding\": \"torchvision\"", "resize.width"),
            ("\"width\": 256, \"height\": 256, \"length\": 256", "'length'"),
        ])
    func stretch(_ members: String, _ named: String) throws {
        let text = Self.imageNet.replacing("shorterSide\", \"length\": 256", with: "stretch\", \(members)")
        #expect(text != Self.imageNet)
        let error = #expect(throws: DecodingError.self) { try Self.decode(text) }
        #expect(String(describing: error).contains(named))
    }

    @Test("Means and standard deviations must be finite, one per channel, and standard deviations nonzero")
    func statistics() {
        for (mean, std) in [
            ([.nan], [1]), ([.infinity], [1]), ([0], [0]), ([0], [-0.0]), ([0], [.nan]), ([0, 0], [1]), ([], []),
        ] as [([Float], [Float])] {
            #expect(throws: TensorError.self) { try PixelNormalization(mean: mean, std: std) }
        }
        let json = Data("{\"mean\": [0], \"std\": [0]}".utf8)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(PixelNormalization.self, from: json) }
    }

    @Test("Every pixel value becomes (pixel - mean) / std, per channel, in planes", arguments: [1, 2, 3, 4])
    func normalizes(_ channels: Int) throws {
        let mean = (0..<channels).map { Float($0) * 40.7 }
        let std = (0..<channels).map { Float($0) * 13.3 - 60.1 }
        let pixels = (0..<256 * channels).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 >> 8) }
        let tensor = try PixelNormalization(mean: mean, std: std)
            .normalized(try Tensor(pixels, shape: [1, 8, 32, channels]))
        #expect(tensor.type == TensorType(.float32, try Shape([1, channels, 8, 32])))
        let values = try tensor.floats()
        for channel in 0..<channels {
            for index in 0..<256 {
                let expected = (Float(pixels[index * channels + channel]) - mean[channel]) / std[channel]
                #expect(values[channel * 256 + index].bitPattern == expected.bitPattern)
            }
        }
    }

    @Test("Pixels of another type or shape are refused")
    func mismatch() throws {
        let normalization = PixelNormalization.imageNet
        for shape in [[2, 2, 2, 3], [1, 3, 2, 2], [2, 2, 3], [1, 2, 2, 1]] {
            let pixels = try Tensor([UInt8](repeating: 0, count: shape.reduce(1, *)), shape: shape)
            #expect(throws: TensorError.self) { try normalization.normalized(pixels) }
        }
        #expect(throws: TensorError.self) {
            try normalization.normalized(try Tensor([0, 0, 0] as [Float], shape: [1, 1, 1, 3]))
        }
        #expect(try normalization.normalized(try Tensor([] as [UInt8], shape: [1, 0, 4, 3])).byteCount == 0)
    }
}
