// SPDX-License-Identifier: Apache-2.0
import Foundation
import InfenclaveClient
import SealedChannel
import Synchronization
import Tensors

/// One request, with a check of its answer.
struct LoadRequest: Sendable {
    let body: [UInt8]
    /// Returns `nil` for a valid answer, else the name of the refusal inside.
    let check: @Sendable ([UInt8]) -> String?
}

/// A source of requests, used by many threads concurrently.
protocol LoadSource: Sendable {
    var path: String { get }
    /// Header fields, `name: value`, without line ends.
    var headers: [String] { get }
    /// Creates this many requests in advance.
    func prepare(_ count: Int) throws
    func next() throws -> LoadRequest
    /// Called when keys have changed or will change.
    func renew()
}

/// Fresh encrypted requests with an image of noise.
final class SealedLoad: LoadSource {
    private struct State {
        var session: EnclaveSession
        var ready: [LoadRequest] = []
        var isRenewing = false
    }

    let path: String
    let headers = ["content-type: \(ObliviousRequest.mediaType)"]
    private let client: InfenclaveClient
    private let token: AccessToken
    private let tensor: Tensor
    private let state: Mutex<State>

    init(client: InfenclaveClient, session: EnclaveSession, token: AccessToken, path: String) throws {
        self.client = client
        self.token = token
        self.path = path
        let preprocessing = session.manifest.input.preprocessing
        let shape = try Shape([1, preprocessing.height, preprocessing.width, preprocessing.channels.count])
        tensor = try InputMemory.tensor(TensorType(.uint8, shape)) { bytes in
            var value: UInt32 = 1
            for index in bytes.indices {
                value = value &* 1_664_525 &+ 1_013_904_223
                bytes[index] = UInt8(truncatingIfNeeded: value >> 24)
            }
        }
        state = Mutex(State(session: session))
    }

    func prepare(_ count: Int) throws {
        let session = state.withLock(\.session)
        let ready = try (0..<count).map { _ in try seal(session) }
        state.withLock { $0.ready = ready }
    }

    func next() throws -> LoadRequest {
        let (request, session) = state.withLock { ($0.ready.popLast(), $0.session) }
        return try request ?? seal(session)
    }

    private func seal(_ session: EnclaveSession) throws -> LoadRequest {
        let sealed = try session.sealed(tensor, token: token)
        return LoadRequest(body: sealed.message) { answer in
            do { _ = try session.opened(answer, to: sealed) } catch let error as ClientError {
                return error.refusal?.rawValue ?? error.code.name
            } catch { return "unopened" }
            return nil
        }
    }

    /// Attests again, one thread at a time. Requests created before are for the old keys, which stay valid for a
    /// minute.
    func renew() {
        let begins = state.withLock { state in
            defer { state.isRenewing = true }
            return !state.isRenewing
        }
        guard begins else { return }
        Task {
            let session = try? await client.attest()
            state.withLock { state in
                state.isRenewing = false
                if let session { state.session = session }
            }
        }
    }
}

/// The same bytes for each request.
struct PlainLoad: LoadSource {
    let bytes: Int
    let path: String
    let headers: [String]

    init(bytes: Int, path: String, headers: [String]) {
        (self.bytes, self.path) = (bytes, path)
        self.headers = ["content-type: application/octet-stream"] + headers
    }

    func prepare(_ count: Int) {}

    func next() -> LoadRequest {
        // As float32 0.75.
        LoadRequest(body: [UInt8](repeating: 0x3F, count: bytes)) { $0.isEmpty ? "empty" : nil }
    }

    func renew() {}
}
