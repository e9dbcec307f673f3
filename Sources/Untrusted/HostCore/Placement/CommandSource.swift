// SPDX-License-Identifier: Apache-2.0
import Foundation
import FrameStream
import Glibc
import Synchronization
import Wire

/// Runs a program that starts a virtual machine and connects its stream to descriptor 3. A machine that restarts by
/// itself begins another epoch; if the program ends, it is started again.
final class CommandSource: EnclaveSource {
    private struct Machine {
        let program: ChildProgram
        let connection: EpochConnection
    }

    private struct State {
        var machine: Machine?
        var isClosed = false
    }

    /// The timeout from the start of the program to the enclave's first message: an emulated machine takes half a
    /// minute to boot.
    private static let bootTime = Duration.seconds(120)

    private let command: String
    private let thread = SerialThread(name: "enclave-machine")
    private let state = Mutex(State())

    init(_ command: String) { self.command = command }

    var awaited: String? { "the machine that --enclave-at starts boots" }

    func next(_ onOutput: @escaping @Sendable (String) -> Void) async throws(HostError) -> any RunningEnclave {
        let result = await withCheckedContinuation { continuation in
            thread.enqueue { [self] in
                continuation.resume(
                    returning: Result { () throws(HostError) in try join(onOutput) })
            }
        }
        return try result.get()
    }

    private func join(_ onOutput: @escaping @Sendable (String) -> Void) throws(HostError) -> DialledEnclave {
        if let machine = state.withLock({ $0.machine }) {
            if let epoch = try? machine.connection.nextEpoch(within: Self.bootTime) {
                return DialledEnclave(epoch, machine: machine.program)
            }
            drop(machine)
        }
        let machine = try start(onOutput)
        do throws(WireError) {
            guard let epoch = try machine.connection.nextEpoch(within: Self.bootTime) else {
                throw WireError(.closed, "it closed descriptor 3")
            }
            return DialledEnclave(epoch, machine: machine.program)
        } catch {
            drop(machine)
            let line = machine.program.lastLine
            throw HostError(
                .enclaveUnavailable,
                "no enclave came from the machine that --enclave-at starts: \(error.message)"
                    + (line.isEmpty ? "" : "; it said: \(line)"))
        }
    }

    private func start(_ onOutput: @escaping @Sendable (String) -> Void) throws(HostError) -> Machine {
        let descriptors: (Int32, Int32)
        do throws(WireError) { descriptors = try DescriptorStream.socketPair() } catch {
            throw HostError(.enclaveUnavailable, error.message)
        }
        let stream = DescriptorStream(socket: descriptors.0, largestWrite: DescriptorStream.deviceWriteBytes)
        defer { _ = Glibc.close(descriptors.1) }
        // It is the operator's own program, unlike the enclave's executable.
        let environment = ProcessInfo.processInfo.environment.map { "\($0)=\($1)" }
        let program = try ChildProgram(
            "/bin/sh", arguments: ["-c", command], environment: environment, descriptor: descriptors.1,
            onOutput: onOutput)
        do throws(WireError) {
            let machine = Machine(program: program, connection: try EpochConnection(stream))
            guard
                !state.withLock({ state in
                    state.machine = machine
                    return state.isClosed
                })
            else { throw WireError(.closed, "the server was told to stop") }
            return machine
        } catch {
            program.end(within: .zero)
            throw HostError(.enclaveUnavailable, error.message)
        }
    }

    private func drop(_ machine: Machine) {
        machine.connection.close()
        machine.program.end()
        state.withLock { $0.machine = nil }
    }

    func close() {
        let machine = state.withLock { state in
            state.isClosed = true
            return state.machine
        }
        machine?.connection.close()
    }
}
