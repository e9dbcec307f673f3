// SPDX-License-Identifier: Apache-2.0
import EnclaveImage
import Foundation
import Testing

@Suite("Initial file systems")
struct CPIOArchiveTests {
    private static let entries = [
        CPIOEntry("init", .file([1, 2, 3], isExecutable: true)),
        CPIOEntry("usr/lib/libx.so", .file([], isExecutable: false)),
        CPIOEntry("lib", .link(to: "usr/lib")), CPIOEntry("dev", .folder), CPIOEntry("usr/lib-other", .folder),
    ]

    @Test("The same entries in any order give the same bytes, with their parent folders")
    func deterministic() throws {
        let bytes = try CPIOArchive.bytes(Self.entries)
        for _ in 0..<5 { #expect(try CPIOArchive.bytes(Self.entries.shuffled()) == bytes) }
        let names = String(decoding: bytes, as: UTF8.self)
        for name in ["usr\0", "usr/lib\0", "usr/lib/libx.so\0", "TRAILER!!!\0"] { #expect(names.contains(name)) }
    }

    @Test("Duplicate paths, a file used as a folder, and paths outside the archive are refused")
    func paths() {
        for path in [
            "", "/init", "a//b", "../a", "a/./b", "a/", "TRAILER!!!", "a\0b", String(repeating: "a", count: 5000),
        ] {
            #expect(throws: ImageError.self, "\(path)") { try CPIOArchive.bytes([CPIOEntry(path, .folder)]) }
        }
        #expect(throws: ImageError.self) { try CPIOArchive.bytes([CPIOEntry("a", .folder), CPIOEntry("a", .folder)]) }
        #expect(throws: ImageError.self) {
            try CPIOArchive.bytes([CPIOEntry("a", .file([], isExecutable: false)), CPIOEntry("a/b", .folder)])
        }
    }

    @Test(
        "cpio lists and unpacks the archive correctly",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/cpio"), "the package cpio is not installed")
    )
    func reference() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "cpio-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let archive = folder.appending(path: "archive")
        try Data(try CPIOArchive.bytes(Self.entries)).write(to: archive)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/cpio")
        process.arguments = ["--extract", "--quiet", "--no-absolute-filenames", "--no-preserve-owner"]
        process.currentDirectoryURL = folder
        process.standardInput = try FileHandle(forReadingFrom: archive)
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let manager = FileManager.default
        #expect(manager.contents(atPath: folder.appending(path: "init").path) == Data([1, 2, 3]))
        #expect(manager.isExecutableFile(atPath: folder.appending(path: "init").path))
        #expect(manager.contents(atPath: folder.appending(path: "lib/libx.so").path) == Data())
        #expect(try manager.destinationOfSymbolicLink(atPath: folder.appending(path: "lib").path) == "usr/lib")
    }
}
