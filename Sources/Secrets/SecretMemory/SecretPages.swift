internal import CSecretMemory
internal import Glibc

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
    /// allows: a refusal to lock is ignored, because a process without swap loses nothing by it.
    package static let system = SecretPages(
        map: { byteCount in
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
        },
        unmap: { usable, byteCount in
            _ = munmap(usable - pageByteCount, byteCount + 2 * pageByteCount)
        })
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
