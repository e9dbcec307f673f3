// SPDX-License-Identifier: Apache-2.0
import EnclavePlatform
import Evidence
import Glibc
import Sandbox

// SandboxProbe KIND ATTEMPT [PATH]: enters the sandbox of an enclave of this kind, or `folder:PATH` for one that may read
// this folder only, then makes the attempt that is named. It exits with 0 when the attempt succeeded, or with its error
// number; where the sandbox kills it there is a signal.

func sandbox(_ name: String) -> Sandbox? {
    guard name.hasPrefix("folder:") else {
        return TEEKind(rawValue: name).flatMap(EnclaveSandbox.sandbox(for:))
    }
    return Sandbox(paths: [SandboxPath(String(name.dropFirst("folder:".count)), .read)], calls: .all)
}

let words = CommandLine.arguments
guard words.count >= 3, let sandbox = sandbox(words[1]), let chosen = attempts[words[2]] else { exit(255) }
do throws(SandboxError) {
    guard try sandbox.enter(.required).isEmpty else { exit(254) }
} catch { exit(253) }
// Buffers of libraries are not what is tested.
_exit(chosen(words.count > 3 ? words[3] : "/"))
