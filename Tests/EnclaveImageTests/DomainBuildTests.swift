// SPDX-License-Identifier: Apache-2.0
import Crypto
import EnclaveImage
import Evidence
import Foundation
import TestSupport
import Testing

@Suite("TDX trust domains")
struct DomainBuildTests {
    private struct Build: Decodable {
        let bytes: Int
        let sha256: String?
        let mrtdSinglePass: String
        let mrtdTwoPass: String
        let package: String?
    }

    private struct Real: Decodable {
        let rtmr1: String
        let rtmr2: String
        let kernelAuthenticodeSha384: String?
        let cmdlineSha384: String?
        let initrdSha384: String?
    }

    private func digest(_ firmware: [UInt8], _ order: DomainBuild.Order) throws -> String? {
        try DomainBuild(firmware: firmware, order: order).measurement().values["mrtd"]?.hex
    }

    private func builds() throws -> [String: Build] {
        // A note stands beside the builds.
        let members = try #require(
            JSONSerialization.jsonObject(with: Data(ImageVectors.bytes("tdx-mrtd.json"))) as? [String: Any])
        return try members.compactMapValues { value in
            guard value is [String: Any] else { return nil }
            return try ImageVectors.decoder.decode(Build.self, from: JSONSerialization.data(withJSONObject: value))
        }
    }

    @Test(
        "The synthetic firmware gives the expected MRTD in both orders",
        .enabled(if: ImageVectors.arePresent, Comment(rawValue: SharedFiles.absence)))
    func synthetic() throws {
        let expected = try #require(builds()["tdvf-synthetic.fd"])
        let firmware = try ImageVectors.bytes("tdvf-synthetic.fd")
        #expect(try digest(firmware, .pageByPage) == expected.mrtdSinglePass)
        #expect(try digest(firmware, .sectionBySection) == expected.mrtdTwoPass)
    }

    /// Debian's firmware, if it is the version in the vectors.
    private static let debianFirmware: [UInt8]? = {
        let expected = try? DomainBuildTests().builds()["OVMF.fd"]?.sha256
        guard let data = try? Data(contentsOf: URL(filePath: "/usr/share/ovmf/OVMF.fd")),
            Array(SHA256.hash(data: data)).hex == expected
        else { return nil }
        return [UInt8](data)
    }()

    @Test(
        "Debian's firmware gives the expected MRTD in both orders",
        .enabled(
            if: debianFirmware != nil,
            "Debian's package ovmf is not installed, or of another version than the vectors"))
    func debian() throws {
        let expected = try #require(builds()["OVMF.fd"])
        let firmware = try #require(Self.debianFirmware)
        #expect(try digest(firmware, .pageByPage) == expected.mrtdSinglePass)
        #expect(try digest(firmware, .sectionBySection) == expected.mrtdTwoPass)
    }

    @Test(
        "RTMR1 and RTMR2 of a real quote are computed from kernel, command line and initial disk",
        .enabled(if: ImageVectors.arePresent, Comment(rawValue: SharedFiles.absence)))
    func registers() throws {
        let vectors = try ImageVectors.json("tdx-real.json", [Real].self)
        var count = 0
        for vector in vectors {
            func digest(_ text: String?) -> [UInt8]? { text.flatMap({ [UInt8](hex: $0) }) }
            guard let kernel = digest(vector.kernelAuthenticodeSha384), let disk = digest(vector.initrdSha384),
                let commandLine = digest(vector.cmdlineSha384)
            else { continue }
            let values = DirectBoot(kernel: kernel, commandLine: commandLine, initialDisk: disk).measurement().values
            #expect(values["rtmr1"]?.hex == vector.rtmr1)
            #expect(values["rtmr2"]?.hex == vector.rtmr2)
            count += 1
        }
        #expect(count > 0)
    }

    @Test("The command line is measured in UTF-16 with the initrd parameter and a final NUL")
    func commandLine() {
        let text = "a=1 initrd=initrd\0"
        let wide: [UInt8] = text.utf8.flatMap { byte -> [UInt8] in [byte, 0] }
        #expect(DirectBoot.commandLineDigest("a=1") == Array(SHA384.hash(data: wide)))
    }

    @Test("A kernel's Authenticode digest omits only its checksum and signatures")
    func kernel() throws {
        var file = [UInt8](repeating: 0x5A, count: 1024)
        func put(_ bytes: [UInt8], at offset: Int) {
            file.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        }
        put(Array("MZ".utf8), at: 0)
        put([0x80, 0, 0, 0], at: 0x3C)
        put(Array("PE".utf8) + [0, 0], at: 0x80)
        put([0x0B, 0x02], at: 0x98)
        put([6, 0, 0, 0], at: 0x98 + 108)
        let (checksum, entry) = (0x98 + 64, 0x98 + 144)
        put([0, 0, 0, 0, 0, 0, 0, 0], at: entry)
        func digest(_ file: [UInt8]) throws -> [UInt8] {
            try DirectBoot(kernel: file, commandLine: "", initialDisk: []).kernel
        }
        let plain = try digest(file)
        let hashed = file[..<checksum] + file[(checksum + 4)..<entry] + file[(entry + 8)...]
        #expect(plain == Array(SHA384.hash(data: Array(hashed))))
        for place in file.indices where place > 0x100 && place % 37 == 0 {
            var changed = file
            changed[place] ^= 1
            let isLeftOut = (checksum..<(checksum + 4)).contains(place)
            guard !(entry..<(entry + 8)).contains(place) else { continue }
            #expect(try (digest(changed) == plain) == isLeftOut, "\(place)")
        }
        // A signature at the end, named by the directory.
        var signed = file + [UInt8](repeating: 1, count: 64)
        signed.replaceSubrange(entry..<(entry + 8), with: [0, 4, 0, 0, 64, 0, 0, 0])
        #expect(try digest(signed) == plain)
        // Its size is not a multiple of 8: filled up with zeros.
        #expect(
            try digest(file + [7]) == Array(SHA384.hash(data: Array(hashed) + [7] + [UInt8](repeating: 0, count: 7))))
        signed.append(0)
        #expect(throws: ImageError.self) { try digest(signed) }
        #expect(throws: ImageError.self) { try digest(Array("\u{7F}ELF".utf8) + file) }
        #expect(throws: ImageError.self) { try digest(Array(file[..<0x90])) }
    }

    @Test(
        "Each of 1,000 mutations of measured inputs is refused or changes the digest",
        .enabled(if: ImageVectors.arePresent, Comment(rawValue: SharedFiles.absence)))
    func mutations() throws {
        let bytes = try ImageVectors.bytes("tdvf-synthetic.fd")
        let original = try digest(bytes, .pageByPage)
        let metadata = try #require(bytes.firstRange(of: Array("TDVF".utf8))).lowerBound
        var mutations = Mutations(seed: 11)
        var refused = 0
        for number in 0..<1000 {
            let range = number % 2 == 0 ? metadata..<(metadata + 16 + 32 * 6) : (bytes.count - 128)..<bytes.count
            let changed = mutations.change(bytes, in: range)
            guard changed != bytes else { continue }
            do {
                #expect(try digest(changed, .pageByPage) != original, "mutation \(number)")
            } catch is ImageError {
                refused += 1
            }
        }
        #expect(refused > 100)
    }
}
