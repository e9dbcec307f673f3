// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import Glibc
import ProxyCommand
import SecretMemory

struct Proxy: Command {
    static let configuration = CommandConfiguration(
        abstract: "Serve the Open Inference Protocol on this machine for a model in attested enclaves.",
        discussion: """
            Clients of Triton and KServe, and curl, send tensors to the model NAME and pictures to NAME_image. The \
            proxy attests the servers, encrypts every request, and decrypts the answers. --grpc needs the program \
            infenclave-proxy beside this one.
            """)

    @OptionGroup var arguments: ProxyArguments

    func execute() async throws {
        try ProcessHardening.forbidDumps()
        guard arguments.grpc != nil else {
            try await ProxyRun(arguments).run()
            return
        }
        let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "infenclave-proxy").path
        var words = ([program] + arguments.arguments).map { strdup($0) }
        defer { for word in words { free(word) } }
        words.append(nil)
        // Returns only on failure.
        execv(program, words)
        throw CommandFailure(
            "proxy", "\(program), which speaks gRPC, cannot be started: \(String(cString: strerror(errno)))",
            remedy: "build it with `make proxy`, or leave --grpc out")
    }
}
