// SPDX-License-Identifier: Apache-2.0
import DarknetImport
import Testing

/// Files that are refused, each with what its message must say.
struct BadFileTests {
    static let net = "[net]\nwidth=4\nheight=4\nchannels=1\n"
    static let network = net + "[convolutional]\nfilters=2\nsize=3\npad=1\n[connected]\noutput=3\n"
    /// 2 biases and 18 weights, then 3 biases and 96 weights.
    static let weights = SectionTests.weights([Float](repeating: 0, count: 2 + 18 + 3 + 96))

    private func message(_ text: String, _ weights: [UInt8]) -> String {
        do throws(DarknetImportError) {
            _ = try SectionTests.model(text, weights)
            return "accepted"
        } catch { return error.message }
    }

    @Test("The error for weights that are too short names the section, the expected bytes and the actual bytes")
    func tooShort() {
        #expect(message(Self.network, Self.weights) == "accepted")
        for count in 0..<Self.weights.count {
            #expect(message(Self.network, Array(Self.weights[..<count])) != "accepted")
        }
        let short = message(Self.network, Array(Self.weights.dropLast(5)))
        #expect(short.hasPrefix("section 1 [connected]: the weights are too short: weights expected 384 bytes"))
        #expect(short.contains("at byte 112, found 379"))
        #expect(message(Self.network, []).contains("no header"))
    }

    @Test("The error for weights that are too long states the expected length")
    func tooLong() {
        let long = message(Self.network, Self.weights + [0, 0, 0, 0])
        #expect(long.contains("expected 496 bytes, which end with section 1 [connected], found 500"))
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let text: String
        let phrase: String
        init(_ text: String, _ phrase: String) { (self.text, self.phrase) = (text, phrase) }
        var testDescription: String { phrase }
    }

    static let refusals: [Refusal] = [
        Refusal(net, "no layer"),
        Refusal(
            "[net]\nchannels=1048576\nheight=32\nwidth=32\n[softmax]\n[local]\nsize=1048576\nfilters=1\n",
            "over the limit"),
        Refusal(
            "[net]\nchannels=1\nheight=8\nwidth=8\n[maxpool]\nsize=1048576\nstride=1048576\n", "over the limit"),
        Refusal("", "does not begin with [net]"),
        Refusal("width=3\n", "line 1 is 'width=3'"),
        Refusal("[net]\nnonsense\n", "line 2"),
        Refusal("[net]\nwidth=4\nheight=4\n", "channels, height and width"),
        Refusal("[net]\nwidth=99999999999999999999\n", "expected an integer"),
        Refusal("[net]\nwidth=1048576\nheight=1048576\nchannels=1048576\n[avgpool]\n", "section [net]"),
        Refusal(net + "[yolo]\n", "section 0 [yolo]: this kind of section is not supported"),
        Refusal(net + "[convolutional]\nfilters=0\n", "filters=0, expected an integer from 1"),
        Refusal(net + "[convolutional]\nfilters=1048576\nsize=1048576\n", "section 0 [convolutional]"),
        Refusal(net + "[convolutional]\nantialiasing=1\nactivation=relu\n", "too short"),
        Refusal(net + "[maxpool]\nantialiasing=1\n", "option 'antialiasing' is not supported"),
        Refusal(net + "[activation]\nactivation=stair\n", "activation 'stair' is not supported"),
        Refusal(net + "[route]\nlayers=5\n", "there is no layer 5 before it"),
        Refusal(net + "[route]\nlayers=-1\n", "there is no layer -1 before it"),
        Refusal(net + "[route]\n", "option 'layers' is missing"),
        Refusal(net + "[shortcut]\nfrom=0\n", "no layer 0 before"),
        Refusal(net + "[crop]\ncrop_width=9\n", "a crop of 9x1"),
        Refusal(net + "[softmax]\ntree=t\n", "hierarchies"),
        Refusal(net + "[softmax]\ngroups=3\n", "does not divide into 3 groups"),
        Refusal(net + "[maxpool]\nsize=9\npadding=0\n", "section 0 [maxpool]: a window of 9"),
        Refusal(net + "[local]\nsize=1048576\n", "section 0 [local]"),
    ]

    @Test("Many small sections cannot create kernels of unlimited size: the section that exceeds the limit is refused")
    func madeKernels() {
        let section = "[route]\nlayers=0\n[local]\nsize=1\nfilters=1\nactivation=linear\n"
        let text = "[net]\nchannels=2048\nheight=1\nwidth=1\n[dropout]\n"
        let weights = SectionTests.weights([Float](repeating: 0, count: 17 * (1 + 2048)))
        let message = message(text + String(repeating: section, count: 17), weights)
        #expect(message.hasPrefix("section 34 [local]"), "\(message)")
        #expect(message.contains("bytes of kernels"), "\(message)")
    }

    @Test("An invalid configuration is refused with the reason", arguments: refusals)
    func configurations(_ refusal: Refusal) {
        let message = message(refusal.text, SectionTests.weights([]))
        #expect(message.contains(refusal.phrase), "\(message)")
    }

    @Test("A flipped byte in the configuration or the header gives a typed error or a network, never a trap")
    func flips() {
        let text = Array(Self.network.utf8)
        var refused = 0
        for index in text.indices {
            for bit in [1, 4, 0x80] as [UInt8] {
                var flipped = text
                flipped[index] ^= bit
                let outcome = message(String(decoding: flipped, as: UTF8.self), Self.weights)
                if outcome != "accepted" { refused += 1 }
            }
        }
        for index in 0..<20 {
            var flipped = Self.weights
            flipped[index] ^= 0xFF
            if message(Self.network, flipped) != "accepted" { refused += 1 }
        }
        #expect(refused > text.count)
    }
}
