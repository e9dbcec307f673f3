// SPDX-License-Identifier: Apache-2.0
import Dispatch
import FrameStream
import Glibc
import Tensors
import Testing
import Wire

@Suite("The socket between host and enclave")
struct FrameStreamTests {
    private func pair() throws -> (host: HostStream, enclave: EnclaveStream) {
        let (host, descriptor) = try HostStream.pair()
        return (host, EnclaveStream(descriptor: descriptor))
    }

    @Test("Tensors of many megabytes arrive unchanged")
    func largeTensors() async throws {
        let (host, enclave) = try pair()
        let values = (0..<5_000_000).map { Float($0) }
        let tensor = try Tensor(values, shape: [5, 1_000_000])
        let sending = DispatchQueue(label: "sender")
        sending.async {
            for requestID in 0..<3 {
                do { try host.write(.backNetResult([tensor, tensor]), requestID: UInt64(requestID)) } catch {
                    Issue.record(error)
                }
            }
        }
        for requestID in 0..<3 {
            guard case .frame(let frame)? = try enclave.read(), case .backNetResult(let tensors) = frame.message else {
                Issue.record("no tensors arrived")
                return
            }
            #expect(frame.requestID == UInt64(requestID))
            #expect(tensors.count == 2)
            for found in tensors { #expect(try found.floats() == values) }
        }
    }

    @Test("The end of the stream is normal between two frames, and an error within a frame")
    func endOfStream() throws {
        let (host, enclave) = try pair()
        try host.write(.status, requestID: 4)
        host.close()
        guard case .frame(let frame)? = try enclave.read(), case .status = frame.message else {
            Issue.record("the last frame did not arrive")
            return
        }
        #expect(try enclave.read() == nil)

        let (other, descriptor) = try HostStream.pair()
        var bytes = OutgoingFrame(EnclaveMessage.accepted, requestID: 1).bytes
        bytes.removeLast()
        #expect(bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) } == 23)
        Glibc.close(descriptor)
        let error = #expect(throws: WireError.self) { try other.read() }
        #expect(error?.code == .closed)
    }

    @Test("Writing to a closed peer is an error, and causes no signal")
    func brokenPipe() throws {
        let (host, descriptor) = try HostStream.pair()
        Glibc.close(descriptor)
        let error = #expect(throws: WireError.self) { try host.write(.status, requestID: 1) }
        #expect(error?.code == .closed)
    }

    @Test("A non-blocking write to a socket sends what fits, and the rest can follow; pipes and devices accept nothing")
    func withoutWaiting() throws {
        let (host, enclave) = try pair()
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0) }
        let frame = OutgoingFrame(HostMessage.infer(message: bytes), requestID: 9)
        let written = try host.writeWithoutWaiting(frame)
        #expect((1..<frame.byteCount).contains(written))
        DispatchQueue(label: "sender").async {
            do { try host.write(frame, from: written) } catch { Issue.record(error) }
        }
        guard case .frame(let received)? = try enclave.read(), case .infer(let message) = received.message else {
            Issue.record("the frame did not arrive")
            return
        }
        #expect(received.requestID == 9 && message == bytes)

        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        let piped = DescriptorStream(input: ends[0], output: ends[1])
        #expect(try bytes.withUnsafeBytes { try piped.writeWithoutWaiting([$0]) } == 0)
        let (first, second) = try DescriptorStream.socketPair()
        defer { _ = Glibc.close(second) }
        let device = DescriptorStream(socket: first, largestWrite: DescriptorStream.deviceWriteBytes)
        #expect(try bytes.withUnsafeBytes { try device.writeWithoutWaiting([$0]) } == 0)
    }

    @Test("A frame's bytes do not depend on the memory that they come from")
    func parts() throws {
        let tensor = try Tensor((0..<9000).map(Float.init), shape: [1, 9000])
        let frames = [
            OutgoingFrame(HostMessage.backNetResult([tensor, tensor]), requestID: 1),
            OutgoingFrame(HostMessage.infer(message: [UInt8](repeating: 3, count: 40_000)), requestID: 2),
            OutgoingFrame(HostMessage.status, requestID: 3),
        ]
        for frame in frames {
            #expect(frame.byteCount == frame.bytes.count)
            let offsets = [0, 1, 23, 24, 25, 36_100, frame.byteCount - 1, frame.byteCount]
            for offset in offsets where offset <= frame.byteCount {
                let rest = frame.withBytes(from: offset) { $0.flatMap { Array($0) } }
                #expect(rest == Array(frame.bytes.dropFirst(offset)))
            }
        }
    }

    @Test("Limits apply to the next read")
    func limits() throws {
        let (host, enclave) = try pair()
        try host.write(.infer(message: [UInt8](repeating: 1, count: 100)), requestID: 1)
        try host.write(.infer(message: [UInt8](repeating: 1, count: 100)), requestID: 2)
        #expect(try enclave.read(limits: FrameLimits(messageBytes: 100)) != nil)
        guard case .malformed(2, let error)? = try enclave.read(limits: FrameLimits(messageBytes: 99)) else {
            Issue.record("100 bytes were accepted")
            return
        }
        #expect(error.code == .tooLarge)
    }
}
