// SPDX-License-Identifier: Apache-2.0
package import Evidence

/// A log in the crypto-agile format, with digests of SHA-256 beside those of SHA-384.
package enum EventLogFixture {
    package static func bytes(_ events: [EventLog.Event], padding: [UInt8] = []) -> [UInt8] {
        let algorithms: [(UInt16, UInt16)] = [(0x0B, 32), (0x0C, 48)]
        var description = Array("Spec ID Event03\0".utf8) + [0, 0, 0, 0, 0, 2, 0, 2]
        description += .littleEndian(UInt32(algorithms.count))
        for (algorithm, size) in algorithms { description += .littleEndian(algorithm) + .littleEndian(size) }
        description.append(0)
        var log: [UInt8] = .littleEndian(UInt32(0)) + .littleEndian(UInt32(3)) + [UInt8](repeating: 0, count: 20)
        log += .littleEndian(UInt32(description.count)) + description
        for event in events {
            log += .littleEndian(UInt32((event.register ?? -1) + 1)) + .littleEndian(event.kind)
            log += .littleEndian(UInt32(2)) + .littleEndian(UInt16(0x0B)) + [UInt8](repeating: 0xEE, count: 32)
            log += .littleEndian(UInt16(0x0C)) + (event.digest ?? [UInt8](repeating: 0, count: 48))
            log += .littleEndian(UInt32(event.data.count)) + event.data
        }
        return log + padding
    }
}
