// SPDX-License-Identifier: Apache-2.0
internal import CSecretMemory
internal import Glibc
internal import Synchronization

/// Allocates and releases secret memory. It is a parameter, so that a test can inspect released memory.
package struct SecretPages: Sendable {
    /// Returns the given number of zeroed bytes, aligned to ``pageByteCount``. Traps if the allocation fails.
    let map: @Sendable (Int) -> UnsafeMutableRawPointer
    /// Releases memory that `map` returned and that has been wiped, with the requested number of bytes.
    let unmap: @Sendable (UnsafeMutableRawPointer, Int) -> Void

    package init(
        map: @escaping @Sendable (Int) -> UnsafeMutableRawPointer,
        unmap: @escaping @Sendable (UnsafeMutableRawPointer, Int) -> Void
    ) {
        self.map = map
        self.unmap = unmap
    }

    package static let pageByteCount = Int(getpagesize())

    /// Private pages between two inaccessible ones, excluded from core dumps, and locked as far as `RLIMIT_MEMLOCK`
    /// allows. A refusal to lock is ignored, because it has no effect on a machine without swap. A few megabytes of
    /// wiped pages are kept for later secrets of the same size.
    package static let system = SecretPages(map: mapGuarded, unmap: unmapGuarded).keeping(maximumByteCount: 8 << 20)

    /// The same with another limit on the bytes of returned pages that are kept for reuse. The latest are kept, so that
    /// repeated work maps no memory.
    package func keeping(maximumByteCount: Int) -> SecretPages {
        let kept = KeptPages(maximumByteCount: maximumByteCount)
        return SecretPages(
            map: { byteCount in kept.take(byteCount) ?? map(byteCount) },
            unmap: { usable, byteCount in
                for region in kept.keep(usable, byteCount) { unmap(region.usable, region.byteCount) }
            })
    }

    private static func mapGuarded(_ byteCount: Int) -> UnsafeMutableRawPointer {
        let page = pageByteCount
        let mapped = mmap(nil, byteCount + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let mapped, mapped != MAP_FAILED else { fatalError("no memory for \(byteCount) secret bytes") }
        let usable = mapped + page
        guard mprotect(usable, byteCount, PROT_READ | PROT_WRITE) == 0 else {
            fatalError("no memory for \(byteCount) secret bytes")
        }
        _ = madvise(usable, byteCount, MADV_DONTDUMP)
        // Pages are locked from their first use on, so a block that is filled while another is released does not need
        // memory for both.
        csecret_lock(usable, byteCount)
        return usable
    }

    private static func unmapGuarded(_ usable: UnsafeMutableRawPointer, _ byteCount: Int) {
        _ = munmap(usable - pageByteCount, byteCount + 2 * pageByteCount)
    }
}

/// Wiped pages for the next secret of the same size: mapping and locking them costs more than decrypting into them.
private final class KeptPages: Sendable {
    /// - Note: `@unchecked Sendable` because it only names pages that nobody uses.
    struct Region: @unchecked Sendable {
        let usable: UnsafeMutableRawPointer
        let byteCount: Int
    }

    private struct State {
        /// The latest last.
        var regions: [Region] = []
        var byteCount = 0
    }

    private let maximumByteCount: Int
    private let state = Mutex(State())

    init(maximumByteCount: Int) { self.maximumByteCount = maximumByteCount }

    func take(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        state.withLock { state -> Region? in
            guard let index = state.regions.lastIndex(where: { $0.byteCount == byteCount }) else { return nil }
            state.byteCount -= byteCount
            return state.regions.remove(at: index)
        }?.usable
    }

    /// Keeps pages, and drops those that were returned the longest time ago.
    ///
    /// - Returns: The pages to release.
    func keep(_ usable: UnsafeMutableRawPointer, _ byteCount: Int) -> [Region] {
        let region = Region(usable: usable, byteCount: byteCount)
        guard byteCount <= maximumByteCount else { return [region] }
        return state.withLock { state in
            state.regions.append(region)
            state.byteCount += byteCount
            var excess: [Region] = []
            while state.byteCount > maximumByteCount {
                state.byteCount -= state.regions[excess.count].byteCount
                excess.append(state.regions[excess.count])
            }
            state.regions.removeFirst(excess.count)
            return excess
        }
    }
}

/// One run of whole pages, wiped before it is released. Its owner calls ``release()`` exactly once.
///
/// - Note: `@unchecked Sendable` because it only names the pages; their owner decides who touches them.
struct SecretRegion: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let capacity: Int
    private let pages: SecretPages

    init(byteCount: Int, pages: SecretPages) {
        let page = SecretPages.pageByteCount
        capacity = max(1, (byteCount + page - 1) / page) * page
        base = pages.map(capacity)
        self.pages = pages
    }

    func release() {
        csecret_wipe(base, capacity)
        pages.unmap(base, capacity)
    }
}
