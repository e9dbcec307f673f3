// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import InfenclaveClient
import InferenceProxy
import PlainText
import ProductVersion
import ProxyCommand
import SealedChannel
import SecretMemory

/// `infenclave proxy` with gRPC: a separate program, so that only those who want gRPC build it.
@main
struct ProxyProgram: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "infenclave-proxy",
        abstract: "Speak the Open Inference Protocol, REST and gRPC, for a model in verified enclaves.",
        version: ProductVersion.description)

    @OptionGroup var arguments: ProxyArguments

    func run() async throws {
        do {
            try ProcessHardening.forbidDumps()
            let address = try arguments.grpc.map { text in
                guard let address = ProxyAddress(text) else { throw ProxyError("'\(text)' is no address") }
                return address
            }
            try await ProxyRun(arguments).run { parts in
                address.map { [GRPCListener($0, parts)] } ?? []
            }
        } catch {
            let (message, remedy) = Self.words(error)
            for line in ["infenclave-proxy: \(message)"] + (remedy.isEmpty ? [] : ["  \(remedy)"]) {
                FileHandle.standardError.write(Data("\(PlainText.line(line))\n".utf8))
            }
            throw ExitCode(1)
        }
    }

    private static func words(_ error: any Error) -> (message: String, remedy: String) {
        switch error {
        case let error as ProxyError: (error.message, error.remedy)
        case let error as ClientError: (error.message, error.remedy)
        case let error as SealedChannelError: (error.message, "")
        case let error as SecretMemoryError: (error.message, "")
        default: ("an unexpected failure: \(type(of: error))", "")
        }
    }
}
