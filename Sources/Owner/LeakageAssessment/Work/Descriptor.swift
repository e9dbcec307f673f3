// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Complete reads and writes at an offset of an open file.
enum Descriptor {
    /// `false` at the end of the file or on a system error.
    static func read(_ descriptor: Int32, into target: UnsafeMutableRawBufferPointer, at offset: Int) -> Bool {
        var done = 0
        while done < target.count {
            let count = pread(descriptor, target.baseAddress.map { $0 + done }, target.count - done, offset + done)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }

    /// `false`, with `errno`, on a system error.
    static func write(_ descriptor: Int32, _ source: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        var done = 0
        while done < source.count {
            let count = pwrite(descriptor, source.baseAddress.map { $0 + done }, source.count - done, offset + done)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }
}
