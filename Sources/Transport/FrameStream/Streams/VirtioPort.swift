// SPDX-License-Identifier: Apache-2.0
import Glibc
package import Wire

/// A character device of a virtual machine, named by the host: `virtserialport,name=NAME` of QEMU.
package enum VirtioPort {
    private static let classFolder = "/sys/class/virtio-ports"
    private static let maximumNameBytes = 128

    /// The device with this name, opened for reading and writing; closed on exec.
    ///
    /// - Throws: ``WireError`` (system) when there is none.
    package static func open(named name: String) throws(WireError) -> Int32 {
        for device in devices() where readName(of: device) == name {
            let descriptor = Glibc.open("/dev/\(device)", O_RDWR | O_CLOEXEC)
            guard descriptor >= 0 else {
                throw WireError(.system, "/dev/\(device) cannot be opened: \(String(cString: strerror(errno)))")
            }
            return descriptor
        }
        throw WireError(
            .system,
            "no virtio port of this machine has the name '\(name)'; QEMU names it with virtserialport,name=\(name)")
    }

    private static func devices() -> [String] {
        guard let folder = opendir(classFolder) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasPrefix("vport") { names.append(name) }
        }
        return names.sorted()
    }

    private static func readName(of device: String) -> String? {
        let descriptor = Glibc.open("\(classFolder)/\(device)/name", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { _ = close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: maximumNameBytes)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count > 0 else { return nil }
        return String(decoding: bytes.prefix(count).prefix { $0 != 0x0A }, as: UTF8.self)
    }
}
