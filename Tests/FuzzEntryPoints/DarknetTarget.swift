// SPDX-License-Identifier: Apache-2.0
import DarknetImport
import ModelGraph

enum DarknetTarget {
    /// A configuration and its weights in one piece: the bytes up to the first 0 are the configuration.
    static func run(_ bytes: UnsafeRawBufferPointer) throws {
        let end = bytes.firstIndex(of: 0) ?? bytes.count
        let model = try DarknetModel(
            name: "network", configuration: UnsafeRawBufferPointer(rebasing: bytes[..<end]).bytes,
            weights: UnsafeRawBufferPointer(rebasing: bytes[min(end + 1, bytes.count)...]).bytes)
        let encoded = GraphFile.encode(model.graph)
        let decoded = try? GraphFile.decode(encoded.span.bytes)
        promise(decoded.map(GraphFile.encode) == encoded, "an imported graph has a canonical file")
        try ModelTargets.runIfSmall(model.graph)
    }
}

extension FuzzSeed {
    /// Small networks that have every kind of section.
    static func darknetSeeds() -> [FuzzSeed] {
        networks.enumerated().map { index, network in
            var bytes = Array(network.configuration.utf8) + [0]
            // Version 0.2.0 and 64 bits of pictures seen.
            for word: UInt32 in [0, 2, 0, 0, 0] { withUnsafeBytes(of: word.littleEndian) { bytes += $0 } }
            for value in 0..<network.values {
                withUnsafeBytes(of: (Float(value % 7) * 0.25 + 0.5).bitPattern.littleEndian) { bytes += $0 }
            }
            return FuzzSeed(.darknet, "\(index)", bytes)
        }
    }

    private static let networks: [(configuration: String, values: Int)] = [
        (
            """
            [net]
            width=6
            height=6
            channels=3
            # Training
            batch=64
            [convolutional]
            batch_normalize=1
            filters=4
            size=3
            pad=1
            activation=leaky
            [convolutional]
            filters=4
            groups=2
            size=3
            stride=1
            padding=1
            activation=mish
            [shortcut]
            from=-2
            activation=swish
            [route]
            layers=-1,0
            [maxpool]
            size=2
            stride=2
            [dropout]
            probability=.5
            [avgpool]
            [softmax]
            groups=2
            [cost]
            type=sse
            """, 4 * 4 + 4 * 3 * 9 + 4 + 4 * 2 * 9
        ),
        (
            """
            [net]
            width=5
            height=4
            channels=2
            [crop]
            crop_width=4
            crop_height=4
            [batchnorm]
            [local]
            filters=2
            size=2
            stride=2
            activation=lhtan
            [activation]
            activation=plse
            [connected]
            output=3
            batch_normalize=1
            activation=loggy
            [logistic]
            [softmax]
            temperature=2
            """, 3 * 2 + 2 * 4 + 4 * 2 * 8 + 3 + 3 * 8 + 3 * 3
        ),
    ]
}
