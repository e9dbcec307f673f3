// SPDX-License-Identifier: Apache-2.0
import EnclavePlatform
import FrameStream
import Wire

/// The bytes that a virtual machine's enclave and its host read from each other before and below frames.
enum MachineTargets {
    /// A serial port as a host reads it: whatever earlier runs left, openings, records.
    static func epochs(_ bytes: UnsafeRawBufferPointer) throws {
        let whole = decode(bytes, chunk: max(1, bytes.count))
        let pieces = decode(bytes, chunk: 3)
        promise(whole.epochs == pieces.epochs, "a stream has the same epochs however it is cut")
        promise(whole.payload == pieces.payload, "a stream has the same bytes however it is cut")
        promise((whole.error == nil) == (pieces.error == nil), "a stream fails the same however it is cut")
        if let error = whole.error { throw error }
    }

    private struct Decoded {
        var epochs: [[UInt8]] = []
        var payload: [UInt8] = []
        var error: WireError?
    }

    private static func decode(_ bytes: UnsafeRawBufferPointer, chunk: Int) -> Decoded {
        var decoder = EpochDecoder()
        var rest = bytes[...]
        var decoded = Decoded()
        func read(_ free: UnsafeMutableRawBufferPointer) throws(WireError) -> Int {
            let piece = rest.prefix(min(chunk, free.count))
            free.copyBytes(from: piece)
            rest = rest.dropFirst(piece.count)
            return piece.count
        }
        do throws(WireError) {
            guard let first = try decoder.nextMarker(read) else { throw WireError(.closed, "no epoch begins") }
            decoded.epochs.append(first.epoch)
            let free = UnsafeMutableRawBufferPointer.allocate(byteCount: 1000, alignment: 1)
            defer { free.deallocate() }
            while true {
                let epoch = decoded.epochs[decoded.epochs.count - 1]
                switch try decoder.read(into: free, epoch: epoch, resynchronises: true, read) {
                case .ended: return decoded
                case .opening(let next): decoded.epochs.append(next)
                case .bytes(let count): decoded.payload += free.prefix(count)
                }
            }
        } catch { decoded.error = error }
        return decoded
    }

    /// The line of a kernel that boots an enclave.
    static func commandLine(_ bytes: UnsafeRawBufferPointer) throws {
        let line = Array(bytes)
        let configuration = try BootConfiguration(commandLine: line)
        promise(
            (try? BootConfiguration(commandLine: line + Array(" infenclave.tee=snp".utf8))) == nil,
            "what is said cannot be said again")
        promise(EnclaveArguments(configuration.arguments) != nil, "the executable takes what the line says")
    }
}

extension FuzzSeed {
    static func machineSeeds() -> [FuzzSeed] {
        let epochs = [[UInt8](repeating: 5, count: 16), Array(16..<32)]
        let openings = epochs.map { EpochMarker(.opening, epoch: $0).bytes }
        func record(_ payload: [UInt8], _ epoch: [UInt8]) -> [UInt8] {
            Array("INFR".utf8) + [UInt8(payload.count), 0, 0, 0] + epoch.prefix(8) + payload + Array("RFNI".utf8)
        }
        let lines = [
            "console=ttyS0 infenclave.tee=snp infenclave.connect=vsock:2:9000 infenclave.threads=4",
            "infenclave.tee=development infenclave.development-key=/k infenclave.connect=serial:infenclave.0 infenclave.end=poweroff",
            "reboot=k panic=30 infenclave.tee=nitro infenclave.connect=vsock:3:5000 infenclave.heartbeat=vsock:3:9000\n",
        ]
        return [
            FuzzSeed(.keyholdEntry, "release", KeyholdTarget.seed),
            FuzzSeed(.epochs, "one", [0, 0, 0] + openings[0] + openings[0] + record([1, 2, 3], epochs[0])),
            FuzzSeed(
                .epochs, "two",
                openings[0] + record([1, 2, 3], epochs[0]) + record([9], epochs[1]) + [0, 0] + openings[1]
                    + record([4], epochs[1])),
        ] + lines.enumerated().map { FuzzSeed(.bootCommandLine, "\($0.offset)", Array($0.element.utf8)) }
    }
}
