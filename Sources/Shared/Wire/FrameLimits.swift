// SPDX-License-Identifier: Apache-2.0
/// The largest payloads that a side accepts, in bytes. A length is checked against them before any allocation.
package struct FrameLimits: Sendable, Hashable {
    /// Messages without tensors.
    package var messageBytes: Int
    /// Messages that hold tensors: the tensors' bytes and their descriptions.
    package var tensorBytes: Int

    package init(messageBytes: Int = Self.maximumMessageBytes, tensorBytes: Int = Self.maximumTensorBytes) {
        self.messageBytes = messageBytes
        self.tensorBytes = tensorBytes
    }

    /// Large enough for the sealed request of a 1024 x 1024 image in float32.
    package static let maximumMessageBytes = 16 << 20
    package static let maximumTensorBytes = 512 << 20
    /// Limit of the bytes of a sealed part in one message.
    package static let partChunkBytes = 4 << 20
    /// Limit of the tensors in one message.
    package static let maximumTensors = 256

    /// The largest payload of tensors with these sizes, in bytes.
    package static func payloadBytes(tensorByteCounts: [Int]) -> Int {
        tensorByteCounts.reduce(4) { $0 + TensorListCodec.maximumDescriptionBytes + $1 }
    }
}
