// SPDX-License-Identifier: Apache-2.0
import EnclavePlatform
import Foundation
import Glibc
import Synchronization

/// Debian's swtpm, which gets commands over a socket. It is provisioned like the TPM of Azure's paravisor: a key for
/// quotes, and a report in an index.
final class SoftwareTPM: TrustedPlatformModule {
    static let program = "/usr/bin/swtpm"
    static var isThere: Bool { FileManager.default.isExecutableFile(atPath: program) }

    private let folder: URL
    private let process: Process
    private let socket: Mutex<Int32>
    /// Called before each command: what happens on the machine meanwhile.
    let meanwhile = Mutex<(@Sendable ([UInt8]) -> Void)?>(nil)

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "swtpm-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appending(path: "tpm").path
        process = Process()
        process.executableURL = URL(filePath: Self.program)
        process.arguments = [
            "socket", "--tpm2", "--tpmstate", "dir=\(folder.path)", "--server", "type=unixio,path=\(path)", "--flags",
            "not-need-init,startup-clear",
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        var isConnected = false
        for _ in 0..<72_000 where !isConnected {
            isConnected = withUnsafeBytes(of: &address) { bytes in
                connect(descriptor, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t(bytes.count))
                    == 0
            }
            if !isConnected { usleep(50_000) }
        }
        socket = Mutex(descriptor)
        guard isConnected else { throw KernelError(ETIMEDOUT) }
    }

    deinit {
        _ = socket.withLock { close($0) }
        // It inherited a thread's mask of signals: a request to end may never reach it.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }

    func exchange(_ command: [UInt8]) throws(KernelError) -> [UInt8] {
        meanwhile.withLock { $0 }?(command)
        return try send(command)
    }

    func send(_ command: [UInt8]) throws(KernelError) -> [UInt8] {
        try socket.withLock { (descriptor) throws(KernelError) in
            guard command.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == command.count else {
                throw KernelError(EIO)
            }
            var response: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4096)
            func size() -> Int { response.count < 6 ? 6 : response[2..<6].reduce(0) { $0 << 8 | Int($1) } }
            while response.count < size() {
                let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
                guard count > 0 else { throw KernelError(EIO) }
                response += buffer[..<count]
            }
            return response
        }
    }

    static func bytes(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
    static func sized(_ content: [UInt8]) -> [UInt8] { bytes(UInt16(content.count)) + content }
    private static let owner: UInt32 = 0x4000_0001
    private static let password: [UInt8] = bytes(UInt32(9)) + bytes(UInt32(0x4000_0009)) + [0, 0, 0, 0, 0]

    /// - Returns: What follows the header.
    private func run(_ code: UInt32, _ handles: [UInt32], _ parameters: [UInt8]) throws -> ArraySlice<UInt8> {
        let content = handles.flatMap(Self.bytes) + Self.password + parameters
        let response = try send(
            Self.bytes(UInt16(0x8002)) + Self.bytes(UInt32(10 + content.count)) + Self.bytes(code) + content)
        guard response.count >= 10, response[6..<10].allSatisfy({ $0 == 0 }) else {
            throw KernelError(Int32(response.dropFirst(6).prefix(4).reduce(0) { $0 << 8 | Int($1) }))
        }
        return response[10...]
    }

    /// Makes a restricted signing key of RSA-2048 and keeps it under a handle.
    ///
    /// - Returns: Its modulus.
    func makeKey(at handle: UInt32) throws -> [UInt8] {
        // Fixed to this TPM, of its own making, used with a password, restricted to what the TPM made, for signing.
        let area: [UInt8] =
            Self.bytes(UInt16(1)) + Self.bytes(UInt16(0x0B)) + Self.bytes(UInt32(0x0005_0072)) + Self.sized([])
            + Self.bytes(UInt16(0x10)) + Self.bytes(UInt16(0x14)) + Self.bytes(UInt16(0x0B)) + Self.bytes(UInt16(2048))
            + Self.bytes(UInt32(0)) + Self.sized([])
        let made = try run(
            0x131, [Self.owner], Self.sized([0, 0, 0, 0]) + Self.sized(area) + Self.sized([]) + Self.bytes(UInt32(0)))
        let object = made.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        // Handle, size of the parameters, size of the public area, whose last 256 bytes are the modulus.
        let start = made.startIndex + 8
        let size = made[start..<(start + 2)].reduce(0) { $0 << 8 | Int($1) }
        let modulus = Array(made[(start + 2)..<(start + 2 + size)].suffix(256))
        _ = try run(0x120, [Self.owner, object], Self.bytes(handle))
        return modulus
    }

    /// Defines an index that its owner reads, and writes it.
    func store(_ content: [UInt8], at index: UInt32) throws {
        let attributes: UInt32 = 0x0002_0002 | 0x0200_0000
        let area =
            Self.bytes(index) + Self.bytes(UInt16(0x0B)) + Self.bytes(attributes) + Self.sized([])
            + Self.bytes(UInt16(content.count))
        _ = try run(0x12A, [Self.owner], Self.sized([]) + Self.sized(area))
        for start in stride(from: 0, to: content.count, by: 512) {
            let part = Array(content[start..<min(start + 512, content.count)])
            _ = try run(0x137, [Self.owner, index], Self.sized(part) + Self.bytes(UInt16(start)))
        }
    }

    /// Extends a register with a digest.
    func extend(register: UInt32, with digest: [UInt8]) throws {
        _ = try run(0x182, [register], Self.bytes(UInt32(1)) + Self.bytes(UInt16(0x0B)) + digest)
    }
}
