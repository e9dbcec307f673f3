// SPDX-License-Identifier: Apache-2.0
import FrameStream
import Glibc
import HostCore
import Synchronization
import Testing
import Wire

@Suite("Writing to an enclave")
struct EnclaveWriterTests {
    /// The identifiers of `count` frames in the order in which they arrive, if all are whole.
    private func read(_ count: Int, from enclave: EnclaveStream, byteCount: Int) throws -> [UInt64] {
        try (0..<count).map { _ in
            guard case .frame(let frame)? = try enclave.read(), case .infer(let message) = frame.message else {
                throw WireError(.malformed, "something else came")
            }
            #expect(message == [UInt8](repeating: UInt8(truncatingIfNeeded: frame.requestID), count: byteCount))
            return frame.requestID
        }
    }

    private func message(_ requestID: UInt64, byteCount: Int) -> HostMessage {
        .infer(message: [UInt8](repeating: UInt8(truncatingIfNeeded: requestID), count: byteCount))
    }

    @Test("Nobody waits for an enclave that does not read; it gets all messages complete and in order")
    func order() throws {
        let (host, descriptor) = try HostStream.pair()
        let enclave = EnclaveStream(descriptor: descriptor)
        let writer = EnclaveWriter(host)
        // Each is larger than a socket's buffer.
        let (count, byteCount) = (12, 700_000)
        for requestID in 0..<UInt64(count) {
            writer.write(message(requestID, byteCount: byteCount), requestID: requestID)
        }
        #expect(try read(count, from: enclave, byteCount: byteCount) == Array(0..<UInt64(count)))
        // The waiting thread has ended.
        writer.write(message(77, byteCount: 10), requestID: 77)
        #expect(try read(1, from: enclave, byteCount: 10) == [77])
    }

    @Test("Short and long messages of several threads are not interleaved", arguments: [20, 60_000])
    func severalThreads(byteCount: Int) async throws {
        let (host, descriptor) = try HostStream.pair()
        let enclave = EnclaveStream(descriptor: descriptor)
        let writer = EnclaveWriter(host)
        let (tasks, each) = (8, 40)
        async let arrived = read(tasks * each, from: enclave, byteCount: byteCount)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<tasks {
                group.addTask {
                    for index in 0..<each {
                        let requestID = UInt64(task * each + index)
                        writer.write(message(requestID, byteCount: byteCount), requestID: requestID)
                    }
                }
            }
        }
        let identifiers = try await arrived
        #expect(identifiers.sorted() == Array(0..<UInt64(tasks * each)))
        // The messages of one task arrive in the order in which it wrote them.
        for task in 0..<tasks {
            let own = identifiers.filter { Int($0) / each == task }
            #expect(own == own.sorted())
        }
    }

    @Test("Writing to an ended enclave does not end the host")
    func gone() throws {
        let (host, descriptor) = try HostStream.pair()
        Glibc.close(descriptor)
        let writer = EnclaveWriter(host)
        for requestID in 0..<3 as Range<UInt64> {
            writer.write(message(requestID, byteCount: 500_000), requestID: requestID)
        }
        #expect(try host.read() == nil)
    }
}
