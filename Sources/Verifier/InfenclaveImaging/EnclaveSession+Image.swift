// SPDX-License-Identifier: Apache-2.0
// Everything for clients that send pictures, with one import.
@_exported public import Imaging
@_exported public import InfenclaveClient

extension EnclaveSession {
    /// The picture as the model's input, before normalisation, which happens in the enclave: u8 `[1, height, width,
    /// channels]`.
    ///
    /// - Throws: ``ImagingError`` when the picture is smaller than the model's crop.
    public func encode(_ image: Image) throws(ImagingError) -> Tensor {
        try Preprocessor(manifest.input.preprocessing).pixels(of: image)
    }

    /// Classifies a picture.
    ///
    /// - Throws: ``ClientError``: `.invalidInput` for a picture that is too small; `CancellationError`.
    public func classify(_ image: Image, token: AccessToken) async throws -> [Classification] {
        // If the enclave does not serve, that error takes precedence over an error of the picture.
        try requireService()
        return try await classify(try tensor(of: image), token: token)
    }

    fileprivate func tensor(of image: Image) throws(ClientError) -> Tensor {
        do throws(ImagingError) { return try encode(image) } catch {
            throw ClientError(.invalidInput, error.message)
        }
    }
}

extension InfenclaveClient {
    /// Classifies a picture: resized, cropped and sealed here.
    ///
    /// - Returns: The model's most probable classes, as many as the owner allows, the most probable first.
    /// - Throws: ``ClientError``: `.invalidInput` for a picture that is too small; `CancellationError`.
    public func classify(_ image: Image) async throws -> [Classification] {
        try await classify(try await session().tensor(of: image))
    }

    /// Classifies pictures, several at a time.
    ///
    /// - Returns: The classes of each, in the order of the pictures.
    /// - Throws: The first failure in that order; the other requests are then cancelled.
    public func classify(_ images: [Image], maximumInFlight: Int = 4) async throws -> [[Classification]] {
        let session = try await session()
        return try await classify(images.map { try session.tensor(of: $0) }, maximumInFlight: maximumInFlight)
    }

    /// Classifies the pictures that a sequence gives, such as a camera's, as long as it gives some.
    ///
    /// - Parameters:
    ///   - images: Gives pictures of any size that the model's crop fits into.
    ///   - maximumInFlight: The most pictures that are in progress or answered and not yet taken; 1 or more.
    /// - Returns: The classes of each picture, in the order of the sequence. It ends with the first failure.
    public func classify<Inputs: AsyncSequence & Sendable>(
        _ images: Inputs, maximumInFlight: Int = 4
    ) -> Classifications where Inputs.Element == Image {
        Classifications(maximumInFlight: maximumInFlight) { [self] window in
            var images = images.makeAsyncIterator()
            while await window.hasRoom(), let image = try await images.next() {
                window.begin { try await self.classify(image) }
            }
        }
    }
}
