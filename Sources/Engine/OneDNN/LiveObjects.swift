// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// The number of live oneDNN objects in this process, for tests of ownership.
package enum LiveObjects {
    private static let counter = Atomic<Int>(0)

    package static var count: Int { counter.load(ordering: .relaxed) }

    static func created() { counter.add(1, ordering: .relaxed) }
    static func destroyed() { counter.subtract(1, ordering: .relaxed) }
}
