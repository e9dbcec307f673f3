// SPDX-License-Identifier: Apache-2.0
import Dispatch
import FrameStream
import Glibc
import Testing
import Wire

enum VsockLoopback {
    /// A listening port and a connection to it, where the kernel has vsock's loopback (context identifier 1).
    static func connect() -> (listener: StreamListener, socket: Int32)? {
        let port = UInt32.random(in: 100_000...1_000_000)
        guard let listener = try? StreamListener(.vsock(port: port)),
            let socket = try? VsockAddress(contextID: 1, port: port).connect()
        else { return nil }
        return (listener, socket)
    }
}

@Suite("Byte streams")
struct StreamTests {
    @Test("Frames pass through pipes, which are not sockets, and a vanished reader is an error, without a signal")
    func pipes() throws {
        var (there, back): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
        let status = max(pipe(&there), pipe(&back))
        try #require(status == 0)
        // A program of another test that inherits a descriptor would keep the stream open.
        for descriptor in there + back { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        let host = HostStream(DescriptorStream(input: back[0], output: there[1]))
        do {
            let enclave = EnclaveStream(DescriptorStream(input: there[0], output: back[1]))
            try host.write(.status, requestID: 3)
            guard case .frame(let frame)? = try enclave.read(), case .status = frame.message else {
                Issue.record("nothing arrived")
                return
            }
            #expect(frame.requestID == 3)
        }
        // The enclave's end is released.
        #expect(try host.read() == nil)
        let error = #expect(throws: WireError.self) { try host.write(.status, requestID: 4) }
        #expect(error?.code == .closed)
    }

    @Test("Frames pass through a character device: a terminal in raw mode")
    func characterDevice() throws {
        let terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        try #require(terminal >= 0)
        // TIOCSPTLCK and TIOCGPTN of ioctl_tty(2).
        var (lock, number): (Int32, Int32) = (0, 0)
        let made = max(ioctl(terminal, 0x4004_5431, &lock), ioctl(terminal, 0x8004_5430, &number))
        try #require(made == 0)
        let name = "/dev/pts/\(number)"
        let device = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)
        try #require(device >= 0)
        var settings = termios()
        tcgetattr(device, &settings)
        cfmakeraw(&settings)
        let status = tcsetattr(device, TCSANOW, &settings)
        try #require(status == 0)
        let host = HostStream(DescriptorStream(socket: terminal))
        let enclave = EnclaveStream(DescriptorStream(socket: device, largestWrite: 512))
        let message = (0..<2000).map { UInt8(truncatingIfNeeded: $0) }
        DispatchQueue(label: "writer").async { try? enclave.write(.answer(message), requestID: 8) }
        guard case .frame(let frame)? = try host.read(), case .answer(message) = frame.message else {
            Issue.record("nothing arrived")
            return
        }
        #expect(frame.requestID == 8)
    }

    @Test("A Unix socket is taken over from a dead process, kept by a living one, and never replaces another file")
    func unixSockets() throws {
        let path = "/tmp/infenclave-\(getpid())-\(UInt32.random(in: .min ... .max)).sock"
        let listener = try StreamListener(.unix(path: path))
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        let error = #expect(throws: WireError.self) { try StreamListener(.unix(path: path)) }
        #expect(error?.message.contains("another process listens") == true)
        let dialled = EnclaveStream(descriptor: try UnixAddress(path).connect())
        // The other listener has already checked whether a process listens.
        _ = try listener.accept()
        let accepted = HostStream(try #require(try listener.accept()))
        try accepted.write(.status, requestID: 1)
        #expect(try dialled.read() != nil)
        listener.close()
        #expect(try listener.accept() == nil)

        let file = path + ".file"
        fclose(fopen(file, "w"))
        defer { unlink(file) }
        #expect(throws: WireError.self) { try StreamListener(.unix(path: file)) }
        #expect(stat(file, &status) == 0)
        #expect(throws: WireError.self) { try UnixAddress(String(repeating: "x", count: 200)) }
    }

    @Test("Addresses of an enclave's host have one valid spelling")
    func addresses() {
        #expect(StreamAddress("fd:3") == .descriptor(3))
        #expect(StreamAddress("stdio") == .standardStreams)
        #expect(StreamAddress("serial:infenclave.0") == .serial(name: "infenclave.0"))
        #expect(StreamAddress("vsock:2:9999") == .vsock(VsockAddress(contextID: 2, port: 9999)))
        for text in [
            "", "fd", "fd:2", "fd:x", "vsock:2", "vsock:2:3:4", "vsock:-1:3", "serial:", "serial:../x", "stdio:1",
            "tcp:1:2",
        ] {
            #expect(StreamAddress(text) == nil, "\(text)")
        }
    }

    @Test("Frames pass over vsock", .enabled(if: VsockLoopback.connect() != nil, "this kernel has no vsock_loopback"))
    func vsock() throws {
        let (listener, socket) = try #require(VsockLoopback.connect())
        let enclave = EnclaveStream(descriptor: socket)
        let host = HostStream(try #require(try listener.accept()))
        let message = [UInt8](repeating: 5, count: 300_000)
        DispatchQueue(label: "writer").async { try? host.write(.infer(message: message), requestID: 2) }
        guard case .frame(let frame)? = try enclave.read(), case .infer(message) = frame.message else {
            Issue.record("nothing arrived")
            return
        }
        #expect(frame.requestID == 2)
    }

    @Test("A dial without an answer is repeated, and then reported")
    func nobody() {
        let address = StreamAddress.serial(name: "infenclave.none")
        let error = #expect(throws: WireError.self) { try address.dial(within: .milliseconds(300)) }
        #expect(error?.message.contains("infenclave.none") == true)
    }
}
