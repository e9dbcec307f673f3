// SPDX-License-Identifier: Apache-2.0
/// A Linux kernel for x86 in the boot loaders' format (bzImage).
///
/// - Source: Linux, Documentation/arch/x86/boot.rst.
package struct KernelImage: Sendable, Hashable {
    /// Older boot protocols lack fields that are read here.
    private static let oldestProtocol: UInt16 = 0x0206
    private static let maximumVersionBytes = 256

    /// The kernel's version string, such as `6.12.43-cloud-amd64 (…) #1 SMP …`.
    package let version: String

    /// - Throws: ``ImageError`` (wrongFile) for anything else.
    package init(_ file: [UInt8]) throws(ImageError) {
        guard file.count > 0x264, file[0x202..<0x206].elementsEqual("HdrS".utf8),
            let number = file.littleEndian(UInt16.self, at: 0x206), number >= Self.oldestProtocol
        else {
            throw ImageError(
                .wrongFile, "the kernel is no bzImage for x86",
                remedy: "give arch/x86/boot/bzImage of a build, or /boot/vmlinuz-VERSION (not vmlinux)")
        }
        let place = Int(file.littleEndian(UInt16.self, at: 0x20E) ?? 0) + 0x200
        let text = file[min(place, file.count)...].prefix(Self.maximumVersionBytes).prefix { $0 != 0 }
        version = place == 0x200 ? "" : String(decoding: text, as: UTF8.self)
    }

    /// The first word of ``version``, which is in the names of this kernel's files.
    package var release: String { String(version.prefix { $0 != " " }) }
}
