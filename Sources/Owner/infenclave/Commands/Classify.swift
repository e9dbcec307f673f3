// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Attestation
import Evidence
import Foundation
import Imaging
import InfenclaveClient
import InfenclaveImaging
import SealedChannel
import SecretMemory
import Synchronization
import Tensors

struct Classify: Command {
    static let configuration = CommandConfiguration(
        abstract: "Classify pictures in an attested enclave; they leave this machine only encrypted.")

    @OptionGroup var target: ServerArguments
    @Option(help: ArgumentHelp("Your access token.", valueName: "file")) var token: String
    @Option(help: ArgumentHelp("Number of classes to print.", valueName: "n")) var top = 5
    @Flag(help: "Print JSON, one object per picture and line.") var json = false
    @Argument(help: "Pictures (JPEG, PNG, WebP, BMP, GIF, TIFF), or .npy files with the input tensor.") var images:
        [String]

    func validate() throws {
        guard top >= 1 else { throw ValidationError("--top takes 1 or more") }
    }

    func execute() async throws {
        try ProcessHardening.forbidDumps()
        let accessToken = try AccessToken(contentsOf: token)
        // All images are read before anything is sent, so that a corrupt one prevents sending.
        let inputs = try images.map { try Input($0) }
        let attestations = Attestations()
        var options = ClientOptions()
        options.observer = { attestations.observe($0) }
        let client = try target.client(token: accessToken, options: options)
        var hasWarned = false
        for (path, input) in zip(images, inputs) {
            let session = try await client.session()
            let begin = ContinuousClock.now
            let tensor = try input.encoded(for: session, path: path)
            let sent = ContinuousClock.now
            let answered = try await client.answer(to: tensor)
            let answer = Answer(
                image: path, results: answered.classes.prefix(top).map(Answer.Result.init),
                milliseconds: .init(
                    attest: attestations.taken(), encode: (sent - begin).milliseconds,
                    request: (ContinuousClock.now - sent).milliseconds),
                tee: answered.session.peer.verdict.tee.rawValue, measurement: answered.session.measurement)
            if json { try printJSONLine(answer) } else { answer.printTable() }
            // Together with the first answer; a failure before that says only its reason.
            if !hasWarned { target.warnOfDevelopment() }
            hasWarned = true
        }
    }

    /// The total duration of attestations since the last call.
    private final class Attestations: Sendable {
        private let milliseconds = Mutex(0.0)

        func observe(_ event: ClientEvent) {
            guard event.kind == .attestation else { return }
            milliseconds.withLock { $0 += event.duration.milliseconds }
        }

        func taken() -> Double {
            milliseconds.withLock { milliseconds in
                defer { milliseconds = 0 }
                return milliseconds
            }
        }
    }

    private enum Input {
        case picture(Image)
        case tensor(Tensor)

        init(_ path: String) throws {
            self =
                path.lowercased().hasSuffix(".npy")
                ? .tensor(try PreprocessArguments.tensor(path)) : .picture(try Image(named: path))
        }

        func encoded(for session: EnclaveSession, path: String) throws -> Tensor {
            switch self {
            case .tensor(let tensor): return tensor
            case .picture(let image):
                do throws(ImagingError) { return try session.encode(image) } catch {
                    throw CommandFailure("picture", "\(path): \(error.message)")
                }
            }
        }
    }

    private struct Answer: Encodable {
        struct Result: Encodable {
            let index: Int
            let `class`: String
            let probability: Float

            init(_ classification: Classification) {
                index = classification.index
                self.class = classification.name
                probability = classification.probability
            }
        }

        struct Milliseconds: Encodable { let attest, encode, request: Double }

        let image: String
        let results: [Result]
        let milliseconds: Milliseconds
        let tee, measurement: String

        func printTable() {
            print("\(image)  (\(String(format: "%.1f", milliseconds.request)) ms)")
            for result in results {
                print(String(format: "  %6.2f %%  ", result.probability * 100) + result.class)
            }
        }
    }
}

extension EnclaveSession {
    /// The first measurement of the evidence, in hexadecimal.
    var measurement: String { peer.verdict.claims.measurements.first?.value.hex ?? "" }
}
