// SPDX-License-Identifier: Apache-2.0
import Crypto
import Foundation
import Hexadecimal
import Imaging
import Tensors
import Testing

/// Real pictures, which are not in the repository; digests of what Pillow makes of them are.
@Suite(
    "Shared pictures",
    .enabled(if: Fixtures.hasShared, "set INFENCLAVE_SHARED to the folder with the shared pictures"))
struct SharedPicturesTests {
    /// Digests of the decoded pixels, of ImageNet's usual input, and of 96x96 bicubic.
    private static let digests: [String: [String]] = {
        do {
            let file = Fixtures.folder.appending(path: "shared-pictures.json")
            return try JSONDecoder().decode([String: [String]].self, from: Data(contentsOf: file))
        } catch { fatalError("Fixtures/shared-pictures.json: \(error)") }
    }()

    private static func digest(_ bytes: [UInt8]) -> String {
        String(Array(SHA256.hash(data: bytes)).hex.prefix(8))
    }

    @Test("Photographs decode, resize and crop to the same pixels as with Pillow")
    func equalsPillow() throws {
        let stretched = Preprocessor(
            try Preprocessing(
                width: 96, height: 96, channels: .rgb, resize: .stretch, interpolation: .bicubic, mean: [0, 0, 0],
                std: [1, 1, 1]))
        #expect(Self.digests.count > 30)
        for (name, expected) in Self.digests.sorted(by: { $0.key < $1.key }) {
            let image = try Image(contentsOf: Fixtures.shared.appending(path: "images").appending(path: name).path)
            let found = [
                Self.digest(image.pixels),
                Self.digest(try Preprocessor(.imageNet).pixels(of: image).uint8s()),
                Self.digest(try stretched.pixels(of: image).uint8s()),
            ]
            #expect(found == expected, "\(name)")
        }
    }
}
