// SPDX-License-Identifier: Apache-2.0
import Crypto
import EnclaveImage
import Evidence
import Foundation
import TestSupport
import Testing

@Suite("SEV-SNP launch digests")
struct SNPLaunchTests {
    private struct Real: Decodable {
        struct Section: Decodable {
            let gpa: UInt64
            let size: Int
            let type: UInt32
        }
        let report: String
        let measurement: String
        let ovmfHash: String
        let kernelSha256: String
        let initrdSha256: String
        let cmdline: String
        let hashesTableGpa: UInt32
        let resetEip: UInt32
        let sections: [Section]
        let vcpus: Int
        let vcpuType: String
        let guestFeatures: UInt64
    }

    private struct Generated: Decodable {
        struct Case: Decodable {
            let vcpus: Int
            let vcpuType: String
            let guestFeatures: UInt64
            let measurement: String
        }
        let firmware: String
        let ovmfHash: String
        let cases: [Case]
    }

    @Test(
        "A real report's measurement is computed from its launch inputs",
        .enabled(if: ImageVectors.arePresent, Comment(rawValue: SharedFiles.absence)))
    func real() throws {
        let vector = try ImageVectors.json("snp-real.json", Real.self)
        let firmware = try SNPFirmware(
            digest: #require([UInt8](hex: vector.ovmfHash)),
            sections: vector.sections.map {
                .init(try #require(SNPFirmware.Kind(rawValue: $0.type)), address: $0.gpa, byteCount: $0.size)
            }, hashesTableAddress: vector.hashesTableGpa, resetAddress: vector.resetEip)
        let launch = try SNPLaunch(
            firmware: firmware,
            hashes: KernelHashes(
                kernelDigest: #require([UInt8](hex: vector.kernelSha256)),
                initialDiskDigest: #require([UInt8](hex: vector.initrdSha256)), commandLine: vector.cmdline),
            processors: vector.vcpus, model: ProcessorModel(vector.vcpuType), features: vector.guestFeatures)
        let report = try SNPReport(parsing: ImageVectors.bytes(vector.report))
        #expect(launch.measurement().values["measurement"] == report.measurement)
        #expect(report.measurement.hex == vector.measurement)
    }

    @Test(
        "Every processor count and model of the generated vectors gives the expected digest",
        .enabled(if: ImageVectors.arePresent, Comment(rawValue: SharedFiles.absence)))
    func generated() throws {
        let vector = try ImageVectors.json("snp-generated.json", Generated.self)
        let firmware = try SNPFirmware(ImageVectors.bytes(vector.firmware))
        #expect(firmware.digest.hex == vector.ovmfHash)
        let hashes = KernelHashes(kernel: [], initialDisk: [], commandLine: "")
        for one in vector.cases {
            let launch = try SNPLaunch(
                firmware: firmware, hashes: hashes, processors: one.vcpus, model: ProcessorModel(one.vcpuType),
                features: one.guestFeatures)
            let measurement = launch.measurement()
            #expect(measurement.values["measurement"]?.hex == one.measurement, "\(one.vcpus) \(one.vcpuType)")
            #expect(measurement.steps.last?.value == measurement.values["measurement"])
        }
    }

    @Test(
        "Every launch input changes the digest",
        .enabled(if: ImageVectors.arePresent, Comment(rawValue: SharedFiles.absence)))
    func everyInput() throws {
        let firmware = try SNPFirmware(ImageVectors.bytes("ovmf_AmdSev_suffix.bin"))
        func digest(
            _ kernel: [UInt8] = [1], _ disk: [UInt8] = [2], _ commandLine: String = "a", processors: Int = 1,
            model: String = "EPYC-Milan", features: UInt64 = 1
        ) throws -> [UInt8]? {
            try SNPLaunch(
                firmware: firmware, hashes: KernelHashes(kernel: kernel, initialDisk: disk, commandLine: commandLine),
                processors: processors, model: ProcessorModel(model), features: features
            ).measurement().values["measurement"]
        }
        let all = try [
            digest(), digest([3]), digest([1], [3]), digest([1], [2], "b"), digest(processors: 2),
            digest(model: "EPYC-Rome"), digest(features: 0x21),
        ]
        #expect(Set(all).count == all.count)
    }

    @Test("Processor models have the CPUID signature of their family; unknown models are refused by name")
    func models() throws {
        #expect(try ProcessorModel("EPYC").signature == 0x80_0F12)
        #expect(try ProcessorModel("EPYC-v4").signature == 0x80_0F12)
        #expect(try ProcessorModel("EPYC-IBPB").signature == 0x80_0F12)
        #expect(try ProcessorModel("EPYC-Milan-v2").signature == 0xA0_0F11)
        #expect(try ProcessorModel("EPYC-Genoa").signature == 0xA1_0F10)
        #expect(ProcessorModel.all.count > 15)
        for name in ["host", "max", "Skylake-Server", "EPYC-", "EPYC-v9", "EPYC-Venice", ""] {
            #expect(throws: ImageError.self, "\(name)") { try ProcessorModel(name) }
        }
    }

    @Test(
        "Firmware without a section for kernel hashes is refused with the package that has it",
        .enabled(if: ImageVectors.arePresent, Comment(rawValue: SharedFiles.absence)))
    func noHashes() throws {
        var bytes = try ImageVectors.bytes("ovmf_AmdSev_suffix.bin")
        // The kind of the section for the hashes becomes that of memory.
        let metadata = try #require(bytes.firstRange(of: Array("ASEV".utf8))).lowerBound
        let kinds = stride(from: metadata + 16 + 8, to: bytes.count - 4, by: 12)
        let kind = try #require(kinds.first { bytes[$0..<($0 + 4)].elementsEqual([0x10, 0, 0, 0]) })
        bytes[kind] = 1
        let fault = #expect(throws: ImageError.self) { try SNPFirmware(bytes) }
        #expect(fault?.code == .wrongFile && fault?.remedy.contains("ovmf-amdsev") == true)
        #expect(fault?.message.contains("kernel") == true)
    }

    @Test(
        "Each of 1,000 mutations of firmware is refused or changes the digest",
        .enabled(if: ImageVectors.arePresent, Comment(rawValue: SharedFiles.absence)))
    func mutations() throws {
        let bytes = try ImageVectors.bytes("ovmf_AmdSev_suffix.bin")
        let hashes = KernelHashes(kernel: [1], initialDisk: [2], commandLine: "a")
        func digest(_ bytes: [UInt8]) throws -> [UInt8]? {
            try SNPLaunch(
                firmware: SNPFirmware(bytes), hashes: hashes, processors: 2, model: ProcessorModel("EPYC-Milan"),
                features: 1
            ).measurement().values["measurement"]
        }
        let original = try digest(bytes)
        var mutations = Mutations(seed: 7)
        var refused = 0
        for number in 0..<1000 {
            // Mostly the metadata and the table, which are at the end.
            let changed = mutations.change(bytes, in: (bytes.count - 400)..<bytes.count)
            guard changed != bytes else { continue }
            do {
                #expect(try digest(changed) != original, "mutation \(number)")
            } catch is ImageError {
                refused += 1
            }
        }
        #expect(refused > 100)
    }

    @Test("An identity block is signed in the firmware's format, and the key digest is the one that reports state")
    func identityBlock() throws {
        let key = P384.Signing.PrivateKey()
        let block = try IdentityBlock(
            launchDigest: [UInt8](repeating: 7, count: 48), imageID: [UInt8](repeating: 1, count: 16), guestSVN: 3,
            policy: 0x3_0000)
        let bytes = block.encoded()
        #expect(bytes.count == 96)
        #expect(Array(bytes[80..<96]).hex == "01000000" + "03000000" + "0000030000000000")
        let signed = try key.signature(for: SHA384.hash(data: bytes))
        let authentication = try IdentityBlock.authentication(
            signature: Array(signed.rawRepresentation), publicKey: Array(key.publicKey.rawRepresentation))
        #expect(authentication.count == 4096)
        // Read back by the layout: r and s, then the curve, x and y; numbers little-endian in 72 bytes.
        let r = Array(authentication[64..<112].reversed())
        let s = Array(authentication[136..<184].reversed())
        let signature = try P384.Signing.ECDSASignature(rawRepresentation: r + s)
        #expect(key.publicKey.isValidSignature(signature, for: SHA384.hash(data: bytes)))
        #expect(Array(authentication[..<8]) == [1, 0, 0, 0, 1, 0, 0, 0])
        #expect(IdentityBlock.isSigned(bytes, authentication: authentication))
        for place in [0, 64, 64 + 50, 136, 576, 580, 580 + 60, 652] {
            var changed = authentication
            changed[place] ^= 1
            #expect(!IdentityBlock.isSigned(bytes, authentication: changed), "byte \(place)")
        }
        #expect(!IdentityBlock.isSigned(Array(bytes.dropLast()) + [1], authentication: authentication))
        #expect(!IdentityBlock.isSigned(bytes, authentication: Array(authentication.dropLast())))
        let keyBytes = authentication[576..<1604]
        #expect(Array(keyBytes.prefix(4)) == [2, 0, 0, 0])
        #expect(Array(keyBytes.dropFirst(4).prefix(48).reversed()) == Array(key.publicKey.rawRepresentation.prefix(48)))
        #expect(Array(SHA384.hash(data: Array(keyBytes))) == IdentityBlock.keyDigest(authentication: authentication))
        #expect(authentication[1604...].allSatisfy { $0 == 0 })
        #expect(throws: ImageError.self) { try IdentityBlock(launchDigest: [1], guestSVN: 0, policy: 0) }
    }
}
