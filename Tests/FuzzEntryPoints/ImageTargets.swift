// SPDX-License-Identifier: Apache-2.0
import EnclaveImage

enum ImageTargets {
    /// AWS's enclave image format. A signature has to be the image's.
    static func enclaveImage(_ bytes: UnsafeRawBufferPointer) throws {
        let image = try EnclaveImageFormat(parsing: Array(bytes))
        promise(image.encoded().elementsEqual(bytes), "an enclave image has one encoding")
        let isSigned = !image[.signature].isEmpty
        promise(
            try image.measurement().values.count == (isSigned ? 4 : 3),
            "an enclave image has three registers, and one for its signer")
    }

    /// Firmware, of which SEV-SNP and TDX each read their own metadata.
    static func firmware(_ bytes: UnsafeRawBufferPointer) throws {
        try anyAccepts([
            {
                let firmware = try SNPFirmware(Array(bytes))
                let hashes = KernelHashes(kernel: [], initialDisk: [], commandLine: "")
                let launch = try SNPLaunch(
                    firmware: firmware, hashes: hashes, processors: 2, model: ProcessorModel("EPYC-Milan"), features: 1)
                promise(launch.measurement().values["measurement"]?.count == 48, "a launch has a digest")
            },
            {
                let measurement = try DomainBuild(firmware: Array(bytes)).measurement()
                promise(measurement.values["mrtd"]?.count == 48, "a build has a digest")
            },
        ])
    }

    /// A kernel's headers: of Linux, and of an EFI application.
    static func kernel(_ bytes: UnsafeRawBufferPointer) throws {
        try anyAccepts([
            { _ = try KernelImage(Array(bytes)) },
            { _ = try DirectBoot(kernel: Array(bytes), commandLine: "", initialDisk: []) },
        ])
    }
}
