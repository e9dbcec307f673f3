// SPDX-License-Identifier: Apache-2.0
import BundleFormat
import FoundationEssentials
import Imaging
import LeakageAssessment
import Tensors

extension FuzzSeed {
    /// A cut that passes and one that does not.
    private static func assessment(_ digest: String) -> String {
        """
        {"version":3,"model":{"sha256":"\(digest)","graphSHA256":"\(digest)","output":"prob","scores":"logits","classes":10,"width":8,\
        "height":8,"preprocessing":{"width":8,"height":8,"channels":"grey","resize":{"mode":"none"},\
        "interpolation":"bilinear","mean":[0],"std":[1]}},\
        "images":60,"adversary":"both","protected":["appearance"],\
        "attackerPictures":100000,"gates":{"name":"standard","maximumIdentified":0.1,"maximumClassGain":0.1,\
        "maximumR2":0.15,"maximumSSIMGain":0.05,"minimumKLPassFraction":0.95,"maximumKLAUC":0.65,\
        "minimumDecoderKLRatio":0.8,"maximumTop1":null},"cuts":[{"name":"a","gates":{"passes":false},"noise":null},\
        {"name":"b","gates":{"passes":true},"noise":null}],"recommendation":{"front":"b","mapping":"c","sigma":null,\
        "everythingInside":false,"nextSafer":null,"nextFaster":{"front":"a","mapping":"c","sigma":null}},"plans":[\
        {"front":"b","mapping":"c","sigma":null,"everythingInside":false,"passesGates":true},{"front":"a",\
        "mapping":"c","sigma":null,"everythingInside":false,"passesGates":false}]}
        """
    }

    static func fileSeeds() throws -> [FuzzSeed] {
        let digest = String(repeating: "0a", count: 32)
        let plan = try PartitionPlan(
            front: "relu", mapping: "sum", modelSHA256: digest, assessmentSHA256: digest, rule: "gates", reason: "é")
        let tensors = try [
            Tensor([1.5, -2, .infinity], shape: [3]), Tensor([UInt8(3), 4], shape: [1, 2]),
            Tensor([Int64(-1)], shape: []),
        ]
        let image = try Image(width: 3, height: 2, channels: 3, pixels: Array(0..<18))
        let manifest = BundleManifest(
            identifier: String(digest.prefix(32)), model: .init(name: "tiny"), ownerPublicKey: digest,
            input: .init(name: "x", shape: [1, 3, 8, 8], elements: ["u8", "f32"], preprocessing: .imageNet),
            cuts: .init(front: "relu", mapping: "sum", everythingInside: false),
            boundary: .init(
                toBackNet: [.init(tensor: "a", type: TensorType(.float32, try Shape([1, 4, 8, 8])))], fromBackNet: []),
            classes: 3, topK: 2, precision: "f32",
            parts: BundleFile.parts(everythingInside: false, precision: "f32").map {
                .init(file: $0.rawValue, bytes: 5, sha256: digest, sealed: $0.isSealed)
            }, assessment: .none)
        let attack = """
            {"version":1,"modelSHA256":"\(digest)","cut":"relu","asset":"appearance","value":0.25,"error":1e-2,\
            "trainingPictures":30,"testPictures":10,"description":"é decoder"}
            """
        return [
            FuzzSeed(.attackResult, "decoder", Array(attack.utf8)),
            FuzzSeed(.partitionPlan, "plan", Array(try plan.encoded())),
            FuzzSeed(.assessmentFile, "cut", Array(assessment(digest).utf8)),
            FuzzSeed(.preprocessing, "imagenet", Array(try JSONEncoder().encode(Preprocessing.imageNet))),
            FuzzSeed(.image, "png", try image.pngBytes()), FuzzSeed(.image, "bmp", bitmap),
            FuzzSeed(.image, "gif", gif), FuzzSeed(.image, "tiff", tiff),
            FuzzSeed(.manifest, "manifest", try manifest.encoded()),
        ] + tensors.enumerated().map { FuzzSeed(.npy, "\($0.offset)", $0.element.npyBytes()) }
    }

    /// Two pixels of a palette of two colours.
    private static var bitmap: [UInt8] {
        let header: [UInt8] = [
            40, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 8, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0,
            0,
            0, 0, 0,
        ]
        let start: [UInt8] = [66, 0, 0, 0, 0, 0, 0, 0, 62, 0, 0, 0]
        return Array("BM".utf8) + start + header + [1, 2, 3, 0, 4, 5, 6, 0] + [1, 0, 0, 0]
    }

    /// Four pixels of a palette of two colours in runs.
    private static var tiff: [UInt8] {
        let tags: [[UInt8]] = [
            [0, 1, 3, 0, 1, 0, 0, 0, 4], [1, 1, 3, 0, 1, 0, 0, 0, 1], [2, 1, 3, 0, 1, 0, 0, 0, 1],
            [3, 1, 3, 0, 1, 0, 0, 0, 5, 0x80], [6, 1, 3, 0, 1, 0, 0, 0, 3], [17, 1, 4, 0, 1, 0, 0, 0, 122],
            [23, 1, 4, 0, 1, 0, 0, 0, 2], [64, 1, 3, 0, 6, 0, 0, 0, 110],
        ]
        var file: [UInt8] = [0x49, 0x49, 42, 0, 8, 0, 0, 0, UInt8(tags.count), 0]
        for tag in tags { file += tag + [UInt8](repeating: 0, count: 12 - tag.count) }
        file += [0, 0, 0, 0]
        return file + [0, 10, 0, 20, 0, 30, 0, 40, 0, 50, 0, 60, 0, 0b1010_0000]
    }

    /// Three pixels, of which a frame holds two, with a transparent colour.
    private static var gif: [UInt8] {
        var file: [UInt8] = Array("GIF89a".utf8)
        file += [3, 0, 1, 0, 0x81, 0, 0]
        file += [9, 9, 9, 50, 60, 70, 1, 1, 1, 2, 2, 2]
        file += [0x21, 0xF9, 4, 1, 0, 0, 0, 0]
        file += [0x2C, 1, 0, 0, 0, 2, 0, 1, 0, 0, 2, 2, 0x0C, 0x0A, 0, 0x3B]
        return file
    }
}
