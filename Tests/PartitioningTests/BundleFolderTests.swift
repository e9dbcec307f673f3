// SPDX-License-Identifier: Apache-2.0
import BundleFormat
import Foundation
import Glibc
import Partitioning
import SealedChannel
import Testing

@Suite("Bundles are checked before they are read")
struct BundleFolderTests {
    /// Seconds of processor time; hashing the file takes longer on any machine.
    private static let atOnce = 0.25

    /// Processor time of this thread in seconds, which does not depend on the machine's other load.
    private static func processorTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// A bundle, `change`d, and why it is refused.
    private func refusal(_ change: (_ bundle: String) throws -> Void) throws -> PartitioningError? {
        let owner = try Owner()
        let bundle = try owner.write("b.infenclave")
        try change(bundle)
        return partitioningRefusal(of: bundle)
    }

    /// A bundle whose manifest its owner signed anew.
    private func refusal(
        signing change: (inout [String: Any]) -> Void, _ then: (_ bundle: String) throws -> Void = { _ in }
    ) throws -> PartitioningError? {
        let owner = try Owner()
        let bundle = try owner.write("b.infenclave")
        try owner.sign(bundle, change)
        try then(bundle)
        return partitioningRefusal(of: bundle)
    }

    private static func parts(_ manifest: inout [String: Any], _ change: (inout [String: Any]) -> Void) {
        var parts = manifest["parts"] as? [[String: Any]] ?? []
        for index in parts.indices { change(&parts[index]) }
        manifest["parts"] = parts
    }

    @Test("Signed sizes that differ from the file's are refused with both numbers", arguments: [-1, 1, 600_000_000])
    func wrongSize(difference: Int) throws {
        var named = (file: "", bytes: 0)
        let error = try refusal(signing: { manifest in
            Self.parts(&manifest) { part in
                guard part["file"] as? String == "backnet.graph", let bytes = part["bytes"] as? Int else { return }
                named = ("backnet.graph", bytes)
                part["bytes"] = bytes + difference
            }
        })
        #expect(error?.code == .damagedBundle)
        for word in [named.file, "has \(named.bytes) bytes", "expected \(named.bytes + difference)"] {
            #expect(error?.message.contains(word) == true, "\(error?.message ?? "none")")
        }
    }

    @Test(
        "An enlarged part is refused at once, before any other is read",
        arguments: ["frontnet.sealed", "mapping.sealed", "backnet.graph", "backnet.precision", "backnet.onnx"],
        [600_000_000, 1 << 34])
    func sparse(_ file: String, byteCount: Int) throws {
        var start = Self.processorTime()
        let error = try refusal { bundle in
            try #require(truncate("\(bundle)/\(file)", byteCount) == 0)
            start = Self.processorTime()
        }
        #expect(Self.processorTime() - start < Self.atOnce)
        #expect(error?.code == .damagedBundle)
        #expect(error?.message.contains("\(file) has \(byteCount) bytes") == true)
    }

    @Test(
        "An enlarged manifest or signature is refused at once",
        arguments: ["manifest.json", "manifest.sig", "manifest.core"])
    func sparseManifest(_ file: String) throws {
        var start = Self.processorTime()
        let error = try refusal { bundle in
            try #require(truncate("\(bundle)/\(file)", 1 << 34) == 0)
            start = Self.processorTime()
        }
        #expect(Self.processorTime() - start < Self.atOnce)
        #expect(error?.message.contains("\(file) has \(1 << 34) bytes") == true)
    }

    @Test(
        "Parts that are too large in total are refused, even if the owner signed their sizes",
        arguments: [33, 34])
    func total(exponent: Int) throws {
        let bytes = 1 << exponent
        var start = Self.processorTime()
        let error = try refusal(
            signing: { manifest in Self.parts(&manifest) { $0["bytes"] = bytes } },
            { bundle in
                if exponent == 34 { try #require(truncate("\(bundle)/frontnet.sealed", bytes) == 0) }
                start = Self.processorTime()
            })
        #expect(Self.processorTime() - start < Self.atOnce)
        #expect(error?.message.contains("\(BundleFolder.maximumTotalBytes)") == true)
    }

    @Test("Anything but a regular file is refused by name without waiting", arguments: BundleFile.allCases)
    func kinds(_ file: BundleFile) throws {
        let name = file.rawValue
        for kind in ["link to a good file", "link to nowhere", "pipe", "folder", "device", "missing"] {
            let error = try refusal { bundle in
                let path = "\(bundle)/\(name)"
                if kind == "link to a good file" {
                    try FileManager.default.moveItem(atPath: path, toPath: "\(bundle).moved")
                    try #require(symlink("\(bundle).moved", path) == 0)
                    return
                }
                try FileManager.default.removeItem(atPath: path)
                switch kind {
                case "link to nowhere": try #require(symlink("nowhere", path) == 0)
                case "pipe": try #require(mkfifo(path, 0o600) == 0)
                case "folder": try #require(mkdir(path, 0o700) == 0)
                // Where the test may make none, a link to one.
                case "device":
                    if mknod(path, S_IFCHR | 0o600, 0x105) != 0 { try #require(symlink("/dev/zero", path) == 0) }
                default: break
                }
            }
            #expect(error?.code == .damagedBundle, "\(kind)")
            #expect(error?.message.contains(name) == true, "\(kind): \(error?.message ?? "none")")
            #expect(error?.message.contains("\n") == false)
        }
    }

    @Test("The bundle itself may be a symbolic link; a file or a missing path is refused")
    func links() throws {
        let owner = try Owner()
        let bundle = try owner.write("b.infenclave")
        let link = owner.folder.appending(path: "link.infenclave").path
        try #require(symlink(bundle, link) == 0)
        #expect(partitioningRefusal(of: link) == nil)
        #expect(
            partitioningRefusal(of: "\(bundle)/manifest.json")?.message.contains("expected a bundle's folder") == true)
        #expect(partitioningRefusal(of: "\(bundle)/none")?.code == .file)
    }

    @Test("The opened files are read, even if file and folder are replaced meanwhile")
    func replaced() throws {
        let owner = try Owner()
        let bundle = try owner.write("b.infenclave")
        let good = [UInt8](try Data(contentsOf: URL(filePath: "\(bundle)/mapping.sealed")))
        let folder = try BundleFolder(opening: bundle)
        let file = try folder.file(.mapping, byteCount: good.count)
        try Data([UInt8](repeating: 7, count: good.count)).write(
            to: URL(filePath: "\(bundle)/mapping.sealed"), options: .atomic)
        let read = try file.contents()
        #expect(read.bytes == good)
        #expect(read.digest == ContentDigest(of: good))
        // The folder is the opened one, too.
        try FileManager.default.moveItem(atPath: bundle, toPath: "\(bundle).moved")
        try owner.write("b.infenclave")
        #expect(try folder.file(.mapping, byteCount: good.count).contents().bytes.allSatisfy { $0 == 7 })
    }

    @Test("A file that is truncated, grows or is modified while it is read is refused", arguments: [-1, 0, 1])
    func changed(by difference: Int) throws {
        let owner = try Owner()
        let bundle = try owner.write("b.infenclave")
        let path = "\(bundle)/backnet.graph"
        let folder = try BundleFolder(opening: bundle)
        for digests in [false, true] {
            let file = try folder.file(.backNet, maximumBytes: 1 << 20)
            if difference == 0 {
                let handle = try FileHandle(forWritingTo: URL(filePath: path))
                try handle.write(contentsOf: [0])
                try handle.close()
                // Clocks of file systems are coarse.
                var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: digests ? 3 : 2, tv_nsec: 0)]
                try #require(utimensat(AT_FDCWD, path, &times, 0) == 0)
            } else {
                try #require(truncate(path, file.byteCount + difference) == 0)
            }
            let error = #expect(throws: PartitioningError.self) {
                if digests { _ = try file.digest() } else { _ = try file.contents() }
            }
            #expect(error?.code == .damagedBundle)
            #expect(error?.message.contains("backnet.graph") == true)
            #expect(error?.message.contains("while it was read") == true)
        }
    }

    @Test("Files longer than a chunk are read and hashed completely")
    func chunks() throws {
        let owner = try Owner()
        let path = owner.folder.appending(path: "long").path
        for count in [0, 1, 1 << 20, 1 << 20 + 1, 3_000_000] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
            try Data(bytes).write(to: URL(filePath: path))
            let file = try RegularFile(opening: path, followsLink: false, label: path)
            #expect(file.byteCount == count)
            let read = try file.contents()
            #expect(read.bytes == bytes)
            #expect(read.digest == ContentDigest(of: bytes))
            #expect(try file.digest() == read.digest)
        }
    }
}
