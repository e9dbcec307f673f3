// SPDX-License-Identifier: Apache-2.0
import Foundation
import InfenclaveImaging

/// `classify SERVER POLICY TOKEN PICTURE…`: what an enclave that satisfies the policy sees in each picture.
@main
struct Classify {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard arguments.count >= 4 else { fail("usage: classify SERVER POLICY TOKEN PICTURE…", code: 64) }
        let (server, policy, token) = (arguments[1], arguments[2], arguments[3])
        var options = ClientOptions()
        options.observer = { event in FileHandle.standardError.write(Data("\(event)\n".utf8)) }
        do {
            let client = try InfenclaveClient(
                server: server, policy: try Policy(json: [UInt8](try Data(contentsOf: URL(filePath: policy)))),
                token: try AccessToken(contentsOf: token),
                // Remove this line for an enclave in hardware: the development TEE protects nothing.
                development: .dangerouslyAccept, history: try .ofUser(), options: options)
            let pictures = arguments.dropFirst(3)
            let images = try pictures.map { try Image(contentsOf: $0) }
            for (picture, classes) in zip(pictures, try await client.classify(images, maximumInFlight: 4)) {
                guard let best = classes.first else { continue }
                // The name comes from the model's owner: control characters are escaped.
                print("\(picture): \(String(reflecting: best.name)), \(best.probability)")
            }
        } catch let error as ClientError {
            switch error.code {
            case .attestationRejected: fail("\(error.verdict?.summary ?? error.message)")
            case .unreachable, .timedOut: fail("\(error.message); \(error.remedy)")
            case .refused where error.refusal == .notProvisioned: fail("the model's owner has to come first")
            default: fail("\(error.message) \(error.remedy)")
            }
        }
    }

    static func fail(_ message: String, code: Int32 = 1) -> Never {
        FileHandle.standardError.write(Data("\(message)\n".utf8))
        exit(code)
    }
}
