// SPDX-License-Identifier: Apache-2.0
import EnclaveImage
import Foundation

/// The enclave's executable and the libraries that it is linked with.
struct EnclaveFiles {
    let executable: String
    /// Paths as the loader finds them, including the loader itself.
    let libraries: [String]

    /// - Throws: ``CommandFailure`` when a library is missing, or the executable is not for this machine.
    init(_ executable: EnclaveExecutable) throws {
        self.executable = executable.path
        let run: ToolRun
        do {
            // The environment is fixed, because the image does not contain libraries that the loader finds only in this
            // one.
            run = try ToolRun(
                "/usr/bin/ldd", [executable.path], environment: ["LANG": "C", "PATH": "/usr/bin:/bin"])
        } catch {
            throw CommandFailure("image", "/usr/bin/ldd cannot be run", remedy: "install Debian's package libc-bin")
        }
        guard run.succeeded || run.text.contains("statically linked") else {
            throw CommandFailure(
                "image", "\(executable.path) is not an executable of this machine",
                remedy: "make the image on a machine with the processor architecture of the target")
        }
        libraries = try Self.libraries(run.text)
    }

    /// Parses the output of `ldd`: `NAME => PATH (0x…)`, `PATH (0x…)` for the loader, and `linux-vdso`, which is in the
    /// kernel.
    static func libraries(_ text: String) throws -> [String] {
        var paths: Set<String> = []
        for line in text.split(separator: "\n") {
            if let name = line.firstMatch(of: /^\s*(\S+) => not found/)?.1 {
                throw CommandFailure(
                    "image", "the enclave links \(name), which is not there",
                    remedy: "install what `scripts/setup` installs, and build the enclave again")
            }
            let path = line.firstMatch(of: /(?:=> |^\s*)(\/\S+) \(0x[0-9a-f]+\)$/)?.1
            if let path { paths.insert(String(path)) }
        }
        return paths.sorted()
    }

    /// The archive that the kernel unpacks: the executable as its first process, its libraries, and modules.
    ///
    /// - Parameter modules: Files in the order in which they must be loaded.
    func initialFileSystem(modules: [String]) throws -> [UInt8] {
        var entries = ["dev", "proc", "sys"].map { CPIOEntry($0, .folder) }
        entries.append(CPIOEntry("init", .file([UInt8](try InputFile.read(executable)), isExecutable: true)))
        for path in libraries {
            entries.append(
                CPIOEntry(String(path.dropFirst()), .file([UInt8](try InputFile.read(path)), isExecutable: true)))
        }
        for (number, path) in modules.enumerated() {
            let name = (path.split(separator: "/").last ?? "").prefix { $0 != "." }
            // The first process loads them in the order of their names.
            let order = number < 10 ? "0\(number)" : "\(number)"
            entries.append(
                CPIOEntry(
                    "lib/modules/infenclave/\(order)-\(name).ko",
                    .file(try ModuleFile.read(path), isExecutable: false)))
        }
        return try CPIOArchive.bytes(entries)
    }
}

/// A kernel module. Distributions compress modules in several formats; the first process reads only uncompressed ones.
enum ModuleFile {
    static func read(_ path: String) throws -> [UInt8] {
        let programs = ["xz": "xz", "zst": "zstd", "gz": "gzip"]
        guard let program = programs[URL(filePath: path).pathExtension] else {
            return [UInt8](try InputFile.read(path, maximumBytes: 64 << 20))
        }
        let run = try ToolRun(named: program, ["-dc", path])
        guard run.succeeded else {
            throw CommandFailure(
                "image", "the kernel module \(path) cannot be unpacked", remedy: "install the program \(program)")
        }
        return [UInt8](run.output)
    }
}
