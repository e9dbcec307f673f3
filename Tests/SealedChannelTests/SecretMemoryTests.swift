// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import SecretMemory
import Synchronization
import Tensors
import Testing

/// Pages from the heap, whose content is looked at when they come back.
private final class WatchedPages: Sendable {
    private struct State {
        var mapped = 0
        var returned: [[UInt8]] = []
    }
    private let state = Mutex(State())

    var pages: SecretPages {
        SecretPages(
            map: { byteCount in
                self.state.withLock { $0.mapped += byteCount }
                let base = UnsafeMutableRawPointer.allocate(
                    byteCount: byteCount, alignment: SecretPages.pageByteCount)
                base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
                return base
            },
            unmap: { base, byteCount in
                let bytes = [UInt8](UnsafeRawBufferPointer(start: base, count: byteCount))
                self.state.withLock { $0.returned.append(bytes) }
                base.deallocate()
            })
    }

    var mapped: Int { state.withLock { $0.mapped } }
    var returned: [[UInt8]] { state.withLock { $0.returned } }
}

@Suite("Secret memory")
struct SecretMemoryTests {
    @Test("Secret bytes are wiped in whole pages before their memory is released")
    func wipedOnRelease() {
        let watched = WatchedPages()
        do {
            let secret = SecretBytes(copying: [UInt8](repeating: 0xA5, count: 5000).span.bytes, pages: watched.pages)
            #expect(array(secret) == [UInt8](repeating: 0xA5, count: 5000))
            #expect(watched.returned.isEmpty)
        }
        #expect(watched.returned == [[UInt8](repeating: 0, count: watched.mapped)])
        #expect(watched.mapped % SecretPages.pageByteCount == 0)
    }

    @Test(
        "Repeated allocations map no new memory, and retained memory is wiped and limited"
    )
    func kept() {
        let watched = WatchedPages()
        let page = SecretPages.pageByteCount
        let pages = watched.pages.keeping(maximumByteCount: 8 * page)
        func use(_ sizes: [Int]) {
            for size in sizes {
                let secret = SecretBytes(count: size * page, pages: pages) { target in
                    #expect(target.allSatisfy { $0 == 0 }, "not the bytes of another secret")
                    target.initializeMemory(as: UInt8.self, repeating: 0xA5)
                }
                #expect(secret.count == size * page)
            }
        }
        // Decrypting a model fills the pool with blocks of sizes that are not needed again. One is too large to be
        // kept.
        use([1, 2, 3, 4, 5, 6, 7, 8, 9])
        #expect(watched.returned.count == 8)
        let request = [1, 5, 2]
        use(request)
        let mapped = watched.mapped
        for _ in 0..<100 { use(request) }
        #expect(watched.mapped == mapped)
        let returned = watched.returned
        #expect(mapped - returned.reduce(0) { $0 + $1.count } <= 8 * page)
        #expect(returned.allSatisfy { $0.allSatisfy { $0 == 0 } })
    }

    @Test("Bytes written before an initialiser throws are wiped, and released once")
    func wipedOnFailure() {
        struct Failure: Error {}
        let watched = WatchedPages()
        #expect(throws: Failure.self) {
            _ = try SecretBytes(count: 64, pages: watched.pages) { (target) throws(Failure) in
                target.copyBytes(from: [UInt8](repeating: 7, count: 64))
                throw Failure()
            }
        }
        #expect(watched.returned == [[UInt8](repeating: 0, count: watched.mapped)])
    }

    @Test("Tensors of the wiping allocator are wiped when the last reference is released")
    func tensorsAreWiped() throws {
        let watched = WatchedPages()
        do {
            let type = TensorType(.uint8, try Shape([3, 5]))
            let tensor = try [UInt8](1...15).withUnsafeBytes {
                try Tensor(type: type, copying: $0, allocator: .wiping(pages: watched.pages))
            }
            let other = try tensor.reshaped([15])
            #expect(try other.uint8s() == Array(1...15))
            #expect(watched.returned.isEmpty)
        }
        #expect(watched.returned == [[UInt8](repeating: 0, count: watched.mapped)])
    }

    @Test("A shared secret is wiped with its last owner")
    func sharedSecret() {
        let watched = WatchedPages()
        var owners = [SharedSecretBytes(SecretBytes(copying: ([1, 2, 3] as [UInt8]).span.bytes, pages: watched.pages))]
        owners.append(owners[0])
        owners.removeFirst()
        #expect(watched.returned.isEmpty)
        #expect(owners[0].withBytes { [UInt8]($0) } == [1, 2, 3])
        owners.removeAll()
        #expect(watched.returned.count == 1)
    }

    @Test(
        "Secret pages are zeroed, aligned, writable to the end, and excluded from dumps",
        arguments: [0, 1, 4096, 70_000])
    func systemPages(count: Int) throws {
        let tensor = Tensor(type: TensorType(.uint8, try Shape([count])), allocator: .wiping) { target in
            #expect(target.allSatisfy { $0 == 0 })
            #expect(Int(bitPattern: target.baseAddress) % TensorStorage.alignment == 0)
            for index in target.indices { target[index] = UInt8(truncatingIfNeeded: index) }
        }
        #expect(try tensor.uint8s() == (0..<count).map { UInt8(truncatingIfNeeded: $0) })
        let address = tensor.withBytes { UInt(bitPattern: $0.baseAddress) }
        let flags = try #require(try Self.kernelFlags(of: address))
        #expect(flags.contains("dd"))
    }

    /// `VmFlags` of the mapping that holds `address`.
    private static func kernelFlags(of address: UInt) throws -> [Substring]? {
        var inside = false
        let file = FileHandle(forReadingAtPath: "/proc/self/smaps")
        let text = String(decoding: try file?.readToEnd() ?? Data(), as: UTF8.self)
        for line in text.split(separator: "\n") {
            let range = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt($0, radix: 16) }
            if range.count == 2 { inside = range[0] <= address && address < range[1] }
            if inside, line.hasPrefix("VmFlags:") { return line.split(separator: " ") }
        }
        return nil
    }

    @Test("Pages reused from an earlier secret contain nothing of it")
    func reusedPages() {
        for size in [100, 5000, 100, 5000, 600_000, 600_000] {
            let secret = SecretBytes(count: size) { target in
                let clean = target.allSatisfy { $0 == 0 }
                #expect(clean)
                for index in target.indices { target[index] = 0xFF }
            }
            #expect(array(secret).count == size)
        }
    }

    @Test("Comparison distinguishes equal from different bytes, at every position and length")
    func comparison() {
        let bytes = [UInt8](0..<40)
        let secret = SecretBytes(copying: bytes.span.bytes)
        func equals(_ other: [UInt8]) -> Bool { secret.constantTimeEquals(other.span.bytes) }
        #expect(equals(bytes))
        for other in flips(bytes) { #expect(!equals(other)) }
        for other in truncations(bytes) { #expect(!equals(other)) }
        let random = SecretBytes.random(32)
        let another = SecretBytes.random(32)
        let same = random.constantTimeEquals(another.bytes)
        #expect(!same)
    }

    @Test("A kernel that cannot exclude pages from dumps is accepted only on platforms that exclude them")
    func withoutCall() async {
        await #expect(processExitsWith: .success) {
            // prctl is variadic, which Swift does not import. PR_SET_NO_NEW_PRIVS, then PR_SET_SECCOMP with a filter under
            // which prctl is ENOSYS.
            typealias Call = @convention(c) (Int, Int, Int, Int, Int) -> Int32
            let prctl = unsafeBitCast(dlsym(nil, "prctl"), to: Call.self)
            precondition(prctl(38, 1, 0, 0, 0) == 0)
            #if arch(x86_64)
                let number: UInt64 = 157
            #else
                let number: UInt64 = 167
            #endif
            let filter: [UInt64] = [
                0x20, number << 32 | 1 << 24 | 0x15, (0x0005_0000 | UInt64(ENOSYS)) << 32 | 0x06,
                0x7FFF_0000 << 32 | 0x06,
            ]
            let failure = filter.withUnsafeBufferPointer { steps in
                [UInt64(steps.count), UInt64(UInt(bitPattern: steps.baseAddress))].withUnsafeBufferPointer {
                    prctl(22, 2, Int(bitPattern: $0.baseAddress), 0, 0)
                }
            }
            precondition(failure == 0)
            precondition((try? ProcessHardening.forbidDumps()) == nil)
            try ProcessHardening.forbidDumps(unlessPlatformDoes: true)
        }
    }

    @Test("A hardened process is not dumpable")
    func hardening() async {
        await #expect(processExitsWith: .success) {
            precondition(ProcessHardening.isDumpable)
            try ProcessHardening.forbidDumps()
            var limit = rlimit()
            precondition(getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0)
            precondition(limit.rlim_cur == 0 && limit.rlim_max == 0 && !ProcessHardening.isDumpable)
        }
    }
}
