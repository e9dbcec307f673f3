// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// A thread that runs blocks one after another, for work that blocks: it must not occupy Swift's cooperative pool.
package final class SerialThread: Sendable {
    private struct State: Sendable {
        var blocks: [@Sendable () -> Void] = []
        var isReleased = false
    }

    private let box = Box()

    /// The thread retains this state and not the owner, so that releasing the owner ends the thread.
    private final class Box: Sendable {
        let state = Mutex(State())
        let available = DispatchSemaphore(value: 0)
    }

    package init(name: String) {
        let thread = Thread { [box] in
            while true {
                box.available.wait()
                let (block, isReleased) = box.state.withLock { state in
                    (state.blocks.isEmpty ? nil : state.blocks.removeFirst(), state.isReleased)
                }
                if let block { block() } else if isReleased { return }
            }
        }
        thread.name = name
        thread.start()
    }

    deinit {
        box.state.withLock { $0.isReleased = true }
        box.available.signal()
    }

    package func enqueue(_ block: @escaping @Sendable () -> Void) {
        box.state.withLock { $0.blocks.append(block) }
        box.available.signal()
    }

    /// The number of blocks that have not begun.
    package var waiting: Int { box.state.withLock { $0.blocks.count } }

    /// Runs a block after all queued ones, and waits for it.
    package func run<Value: Sendable>(_ block: @escaping @Sendable () -> Value) -> Value {
        let done = DispatchSemaphore(value: 0)
        let value = Mutex<Value?>(nil)
        enqueue {
            let result = block()
            value.withLock { $0 = result }
            done.signal()
        }
        done.wait()
        guard let result = value.withLock({ $0 }) else {
            preconditionFailure("the block signals after its value is set")
        }
        return result
    }
}
