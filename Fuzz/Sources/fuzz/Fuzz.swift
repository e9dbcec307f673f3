// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import FuzzEntryPoints
import Glibc

// One program for all targets: `fuzz --target=NAME [libFuzzer's options] CORPUS`. Options with two dashes are ours.
// `fuzz --targets` lists them; `fuzz --seeds=DIR [--vectors=DIR]` writes what each of them starts from.

@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafePointer<CChar>>>
) -> CInt {
    do {
        if CommandLine.arguments.contains("--targets") {
            for target in FuzzTarget.allCases { print(target.rawValue) }
            exit(0)
        }
        if let folder = option("seeds") {
            var seeds = try FuzzSeed.all()
            if let vectors = option("vectors") { seeds += try FuzzSeed.attestationVectors(in: vectors) }
            for seed in seeds { try write(seed, below: folder) }
            exit(0)
        }
    } catch {
        complain("\(error)")
    }
    if chosenTarget == nil { complain("--target=NAME is missing, or names none of those that --targets lists") }
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    _ = chosenTarget?.run(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}

private let chosenTarget = option("target").flatMap(FuzzTarget.init(rawValue:))

private func option(_ name: String) -> String? {
    CommandLine.arguments.first { $0.hasPrefix("--\(name)=") }.map { String($0.dropFirst(name.utf8.count + 3)) }
}

private func write(_ seed: FuzzSeed, below folder: String) throws {
    let place = URL(filePath: folder).appending(path: seed.target.rawValue)
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    try Data(seed.bytes).write(to: place.appending(path: "seed-\(seed.name)"))
}

private func complain(_ message: String) -> Never {
    let line = Array("fuzz: \(message)\n".utf8)
    _ = line.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    exit(64)
}
