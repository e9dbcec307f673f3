// SPDX-License-Identifier: Apache-2.0
import Glibc

// Apart from main.swift, whose values belong to the main actor.

/// Actions that an intruder would try.
let attempts: [String: @Sendable (String) -> Int32] = [
    "nothing": { _ in 0 },
    "read": { attempt(open($0, O_RDONLY)) },
    "write": { attempt(open($0, O_WRONLY)) },
    "make": { attempt(open($0, O_WRONLY | O_CREAT | O_EXCL, 0o600)) },
    "remove": { attempt(unlink($0)) },
    "status": { path in
        var status = stat()
        return attempt(stat(path, &status))
    },
    "socket": { _ in attempt(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)) },
    "unixSocket": { _ in attempt(socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)) },
    "run": { path in
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup(path), nil]
        return attempt(execve(path, &arguments, nil))
    },
    "fork": { _ in call("fork") },
    "signal": { _ in attempt(kill(getppid(), 0)) },
    "attach": { _ in call("ptrace", 16, Int(getppid())) },
    "read memory": { _ in call("process_vm_readv", Int(getppid())) },
    "file in memory": { _ in call("memfd_create", Int(bitPattern: strdup("x"))) },
    "raise limit": { _ in
        var limit = rlimit(rlim_cur: 0, rlim_max: 0)
        return attempt(setrlimit(__rlimit_resource_t(4), &limit))
    },
    // Actions that an enclave needs.
    "thread": { _ in
        var thread = pthread_t()
        let failure = pthread_create(&thread, nil, { _ in nil }, nil)
        if failure == 0 { pthread_join(thread, nil) }
        return failure
    },
    "code": { _ in
        // Generated code is written, and then run.
        let page = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        return attempt(mprotect(page, 4096, PROT_READ | PROT_EXEC))
    },
    "random": { _ in
        var bytes = [UInt8](repeating: 0, count: 32)
        return bytes.withUnsafeMutableBytes { call("getrandom", Int(bitPattern: $0.baseAddress), $0.count) }
    },
    "lock": { _ in
        let page = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        // MLOCK_ONFAULT, as SecretMemory locks.
        return call("mlock2", Int(bitPattern: page), 4096, 1)
    },
    "abort": { _ in abort() },
]

/// Functions of the C library that Swift does not show.
func call(_ name: String, _ first: Int = 0, _ second: Int = 0, _ third: Int = 0) -> Int32 {
    guard let symbol = dlsym(nil, name) else { exit(252) }
    typealias Function = @convention(c) (Int, Int, Int, Int, Int, Int) -> Int
    let result = unsafeBitCast(symbol, to: Function.self)(first, second, third, 0, 0, 0)
    return Int32(truncatingIfNeeded: result) < 0 ? errno : 0
}

func attempt(_ result: Int32) -> Int32 { result < 0 ? errno : 0 }
