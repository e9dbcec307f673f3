internal import CSecretMemory
internal import Glibc
internal import Synchronization

/// Where secret memory comes from and goes to. A parameter, so that a test can look at memory that is given back.
package struct SecretPages: Sendable {
    /// Returns the given number of zeroed bytes, aligned to ``pageByteCount``. Traps when there is no memory.
    let map: @Sendable (Int) -> UnsafeMutableRawPointer
    /// Takes back what `map` returned, already wiped, with the number of bytes that was asked for.
    let unmap: @Sendable (UnsafeMutableRawPointer, Int) -> Void

    package init(
        map: @escaping @Sendable (Int) -> UnsafeMutableRawPointer,
        unmap: @escaping @Sendable (UnsafeMutableRawPointer, Int) -> Void
    ) {
        self.map = map
        self.unmap = unmap
    }

    package static let pageByteCount = Int(getpagesize())

    /// Private pages between two inaccessible ones, left out of core dumps, and locked as far as `RLIMIT_MEMLOCK`
    /// allows: a refusal to lock is ignored, because a process without swap loses nothing by it. A few megabytes that
    /// come back wiped are kept for the next secret of their size.
    package static let system: SecretPages = {
        let kept = KeptPages(maximumByteCount: 8 << 20)
        return SecretPages(
            map: { byteCount in kept.take(byteCount) ?? mapGuarded(byteCount) },
            unmap: { usable, byteCount in
                if !kept.keep(usable, byteCount) { unmapGuarded(usable, byteCount) }
            })
    }()

    private static func mapGuarded(_ byteCount: Int) -> UnsafeMutableRawPointer {
        let page = pageByteCount
        let mapped = mmap(nil, byteCount + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let mapped, mapped != MAP_FAILED else { fatalError("no memory for \(byteCount) secret bytes") }
        let usable = mapped + page
        guard mprotect(usable, byteCount, PROT_READ | PROT_WRITE) == 0 else {
            fatalError("no memory for \(byteCount) secret bytes")
        }
        _ = madvise(usable, byteCount, MADV_DONTDUMP)
        _ = mlock(usable, byteCount)
        return usable
    }

    private static func unmapGuarded(_ usable: UnsafeMutableRawPointer, _ byteCount: Int) {
        _ = munmap(usable - pageByteCount, byteCount + 2 * pageByteCount)
    }
}

/// Wiped pages for the next secret of the same size: mapping and locking them costs more than decrypting into them.
private final class KeptPages: Sendable {
    private struct State {
        var addresses: [Int: [UInt]] = [:]
        var byteCount = 0
    }
    private let maximumByteCount: Int
    private let state = Mutex(State())

    init(maximumByteCount: Int) { self.maximumByteCount = maximumByteCount }

    func take(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        let address = state.withLock { state -> UInt? in
            guard let address = state.addresses[byteCount]?.popLast() else { return nil }
            state.byteCount -= byteCount
            return address
        }
        return address.flatMap { UnsafeMutableRawPointer(bitPattern: $0) }
    }

    /// Whether the pages were kept.
    func keep(_ usable: UnsafeMutableRawPointer, _ byteCount: Int) -> Bool {
        let address = UInt(bitPattern: usable)
        return state.withLock { state in
            guard state.byteCount + byteCount <= maximumByteCount else { return false }
            state.addresses[byteCount, default: []].append(address)
            state.byteCount += byteCount
            return true
        }
    }
}

/// One run of whole pages, wiped before it is given back. Its owner calls ``release()`` exactly once.
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
