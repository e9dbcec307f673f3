// SPDX-License-Identifier: Apache-2.0
import FrameStream
import Glibc
import Synchronization
import Wire

/// One direction of a stream in memory.
final class MemoryPipe: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    /// The most bytes of one read.
    private let chunk: Int

    init(chunk: Int = .max) { self.chunk = chunk }

    func write(_ bytes: some Sequence<UInt8>) { state.withLock { $0.bytes += bytes } }

    func close() { state.withLock { $0.isClosed = true } }

    /// Everything that was written and not read.
    var unread: [UInt8] { state.withLock { $0.bytes } }

    /// `nil` while there is nothing.
    func take(_ limit: Int) -> [UInt8]? {
        state.withLock { state in
            let taken = Array(state.bytes.prefix(min(limit, chunk)))
            state.bytes.removeFirst(taken.count)
            return taken.isEmpty && !state.isClosed ? nil : taken
        }
    }

    var hasNews: Bool { state.withLock { !$0.bytes.isEmpty || $0.isClosed } }
}

/// An end of a stream in memory. Like a serial port, it keeps the bytes that its peer wrote when another peer replaces
/// it.
final class MemoryStream: ByteStream {
    private let input: MemoryPipe
    private let output: MemoryPipe

    init(input: MemoryPipe, output: MemoryPipe) { (self.input, self.output) = (input, output) }

    func read(into free: UnsafeMutableRawBufferPointer) throws(WireError) -> Int {
        while true {
            if let taken = input.take(free.count) {
                free.copyBytes(from: taken)
                return taken.count
            }
            usleep(200)
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, more: Bool) throws(WireError) { output.write(bytes) }

    func waitForInput(atMost time: Duration, orUntilReadable other: Int32?) throws(WireError) -> Bool {
        let deadline = ContinuousClock.now + time
        while ContinuousClock.now < deadline {
            if input.hasNews { return true }
            usleep(200)
        }
        return false
    }

    func close() {
        input.close()
        output.close()
    }
}
