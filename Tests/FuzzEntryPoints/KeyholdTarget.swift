// SPDX-License-Identifier: Apache-2.0
import Foundation
import KeyRelease

/// A line of a keyholder's log, which others may have changed.
enum KeyholdTarget {
    static func run(_ bytes: UnsafeRawBufferPointer) throws {
        let entry = try LogReader.parse(Array(bytes))
        var ledger = ReleaseLedger()
        ledger.take(entry)
        promise(ledger.releases(inTheHourBefore: entry.time) <= 1, "an entry is one release at most")
        // Numbers in JSON may be of any size; what was read can be written.
        _ = try JSONEncoder().encode(entry)
    }

    static let seed = Array(
        #"{"cause":"unprovisioned","clientList":"00","clients":2,"epoch":"0102","event":"release","leaseSeconds":3600,"manifestDigest":"03","message":"04","number":2,"policy":"05","previous":"06","sequence":7,"server":"http://127.0.0.1:1","time":1800000000.5}"#
            .utf8)
}
