// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FrameStream
import HostCore

/// `serve --enclave-at`: `spawn`, `unix:PATH`, `vsock:PORT`, or a command.
enum EnclaveLocation: ExpressibleByArgument, Equatable {
    case spawn
    case listening(StreamListener.Address)
    case command(String)

    init?(argument: String) {
        if argument == "spawn" {
            self = .spawn
        } else if argument.hasPrefix("unix:"), argument.count > 5 {
            self = .listening(.unix(path: String(argument.dropFirst(5))))
        } else if argument.hasPrefix("vsock:") {
            guard let port = UInt32(argument.dropFirst(6)) else { return nil }
            self = .listening(.vsock(port: port))
        } else if argument.contains(" ") || argument.hasPrefix("/") {
            self = .command(argument)
        } else {
            // A single word is more likely a mistyped address than a command without arguments.
            return nil
        }
    }

    var defaultValueDescription: String { "spawn" }

    /// `nil` for a process of this machine.
    var place: EnclavePlacement.Place? {
        switch self {
        case .spawn: nil
        case .listening(let address): .listening(address)
        case .command(let command): .command(command)
        }
    }
}
