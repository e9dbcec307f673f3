// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Foundation
import FrameStream
import Glibc
import Synchronization
import Tensors
import Testing
import Wire

@Suite("Connection epochs over a plain byte stream")
struct EpochTests {
    /// A serial port whose ends are opened again and again.
    private struct Port {
        let toHost: MemoryPipe
        let toEnclave: MemoryPipe

        init(chunk: Int = .max) { (toHost, toEnclave) = (MemoryPipe(chunk: chunk), MemoryPipe(chunk: chunk)) }

        var host: MemoryStream { MemoryStream(input: toHost, output: toEnclave) }
        var enclave: MemoryStream { MemoryStream(input: toEnclave, output: toHost) }

        /// A new run of the enclave, on a thread of its own.
        func startEnclave() -> Starting { Starting(enclave) }

        /// A new run, and the host's next epoch.
        func join(_ connection: EpochConnection) throws -> (enclave: EnclaveStream, host: HostStream) {
            let starting = startEnclave()
            let host = HostStream(try #require(try connection.nextEpoch(within: .seconds(3600))))
            return (try starting.finished(), host)
        }
    }

    /// An enclave that waits for its host's answer. Blocking calls run on separate threads, because the pool may have
    /// few.
    private final class Starting: Sendable {
        private let result = Mutex<Result<EnclaveStream, any Error>?>(nil)
        private let done = DispatchSemaphore(value: 0)

        init(_ stream: MemoryStream) {
            Thread.detachNewThread { [self] in
                let opened = Result {
                    EnclaveStream(try EpochStream.open(over: stream, outlivesHost: true, within: .seconds(3600)))
                }
                result.withLock { $0 = opened }
                done.signal()
            }
        }

        func finished() throws -> EnclaveStream {
            done.wait()
            return try #require(result.withLock { $0 }).get()
        }
    }

    private func exchange(_ ends: (enclave: EnclaveStream, host: HostStream), requestID: UInt64) throws {
        let message = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try ends.host.write(.infer(message: message), requestID: requestID)
        guard case .frame(let frame)? = try ends.enclave.read(), case .infer(message) = frame.message else {
            throw Unexpected("the request did not arrive")
        }
        #expect(frame.requestID == requestID)
        try ends.enclave.write(.answer(message), requestID: requestID)
        guard case .frame(let answer)? = try ends.host.read(), case .answer(message) = answer.message else {
            throw Unexpected("the answer did not arrive")
        }
    }

    private struct Unexpected: Error {
        let message: String
        init(_ message: String) { self.message = message }
    }

    @Test(
        "Frames longer than a record arrive, however the bytes are split", arguments: [1, 7, 16, 1000, 16_384, 1 << 20])
    func frames(chunk: Int) throws {
        let port = Port(chunk: chunk)
        let connection = try EpochConnection(port.host)
        try exchange(try port.join(connection), requestID: 5)
    }

    @Test("No write to a device is longer than 16 KiB")
    func writes() throws {
        let port = Port()
        let ends = try port.join(try EpochConnection(port.host))
        try ends.host.write(.infer(message: [UInt8](repeating: 7, count: 100_000)), requestID: 1)
        var rest = port.toEnclave.unread[...]
        var sizes: [Int] = []
        while !rest.isEmpty {
            #expect(rest.starts(with: Array("INFR".utf8)))
            let length = rest.dropFirst(4).prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
            sizes.append(length + 20)
            rest = rest.dropFirst(length + 20)
        }
        // Header of the frame, and its payload, in records that are full but for the last.
        #expect(sizes == [16_384, 16_384, 16_384, 16_384, 16_384, 16_384, 100_024 - 6 * 16_364 + 20])
    }

    @Test(
        "A restart of the enclave ends its epoch at the host, wherever its output stopped",
        arguments: [0, 1, 15, 16, 17, 39, 40, 41, 100, 16_383, 16_384, 16_385, 30_000, 50_080, 50_103, 50_104])
    func enclaveRestarts(at stop: Int) throws {
        let port = Port()
        let connection = try EpochConnection(port.host)
        let first = try port.join(connection)
        try exchange(first, requestID: 1)
        // The first run wrote so many bytes of an answer when it was killed.
        try first.enclave.write(.answer([UInt8](repeating: 9, count: 50_000)), requestID: 2)
        let written = try #require(port.toHost.take(1 << 20))
        port.toHost.write(written.prefix(stop))
        // These bytes of the host were in transit to it.
        try first.host.write(.infer(message: [UInt8](repeating: 3, count: 70_000)), requestID: 3)

        let next = port.startEnclave()
        // A part of a frame and then the end, or the end alone: never a frame.
        switch Result(catching: { try first.host.read() }) {
        case .success(let frame): #expect(frame == nil || stop == written.count)
        case .failure(let error): #expect((error as? WireError)?.code == .closed)
        }
        if stop == written.count { #expect(try first.host.read() == nil) }
        // Writes of the old epoch are refused.
        #expect(throws: WireError.self) { try first.host.write(.status, requestID: 4) }
        let host = HostStream(try #require(try connection.nextEpoch(within: .seconds(3600))))
        try exchange((try next.finished(), host), requestID: 1)
    }

    @Test("A restart of the host ends the enclave's epoch, even within a record, and the next run joins the new host")
    func hostRestarts() throws {
        let port = Port()
        let first = try port.join(try EpochConnection(port.host))
        try first.host.write(.infer(message: [UInt8](repeating: 3, count: 70_000)), requestID: 3)
        let written = try #require(port.toEnclave.take(1 << 20))
        port.toEnclave.write(written.prefix(20_000))
        let connection = try EpochConnection(port.host)
        #expect(throws: WireError.self) { try first.enclave.read() }
        try exchange(try port.join(connection), requestID: 1)
    }

    @Test("An enclave finds its answer after all data for its predecessors, including other answers")
    func staleAnswers() throws {
        let port = Port()
        port.toEnclave.write(EpochMarker(.answer, epoch: [UInt8](repeating: 1, count: 16)).bytes)
        port.toEnclave.write([UInt8](repeating: 0x49, count: 100_000))
        port.toEnclave.write(EpochMarker(.answer, epoch: [UInt8](repeating: 2, count: 16)).bytes.dropLast())
        try exchange(try port.join(try EpochConnection(port.host)), requestID: 9)
    }

    @Test("A peer that sends anything but a marker is abandoned after 4 MiB")
    func noise() throws {
        let port = Port()
        port.toHost.write([UInt8](repeating: 0x49, count: (4 << 20) + (1 << 15)))
        let connection = try EpochConnection(port.host)
        let error = #expect(throws: WireError.self) { try connection.nextEpoch(within: .seconds(3600)) }
        #expect(error?.code == .tooLarge)
    }

    @Test("An enclave whose stream ends, or that gets no answer in time, stops with an error")
    func nobodyThere() throws {
        let port = Port()
        let late = #expect(throws: WireError.self) {
            try EpochStream.open(over: port.enclave, outlivesHost: true, within: .milliseconds(50))
        }
        #expect(late?.code == .closed)
        port.toEnclave.close()
        #expect(throws: WireError.self) { try EpochStream.open(over: port.enclave, outlivesHost: false) }
    }
}
