// SPDX-License-Identifier: Apache-2.0
import CBoot
import FrameStream
import Glibc
import Wire

/// The steps of a machine's first process before the enclave can run. It brings up no network, starts nothing but the
/// enclave, and offers no shell.
enum Machine {
    /// Kernel modules of the image, loaded in the order of their names.
    static let moduleFolder = "/lib/modules/infenclave"
    /// Seeds of the kernel's generator, each twice as many bits as it takes.
    private static let seedByteCount = 64

    /// Kernel interfaces that the enclave reads, and descriptors 0 to 2 for messages.
    static func mountInterfaces() throws(BootError) {
        try mount("proc", "/proc", forbidsPrograms: true)
        try mount("sysfs", "/sys", forbidsPrograms: true)
        // This file system exists for device files, so they are allowed on it.
        try mount("devtmpfs", "/dev", forbidsPrograms: false)
        for name in ["/dev/console", "/dev/null"] {
            let descriptor = open(name, O_RDWR)
            guard descriptor >= 0 else { continue }
            for standard in 0...2 as ClosedRange<Int32> where standard != descriptor { dup2(descriptor, standard) }
            if descriptor > 2 { close(descriptor) }
            return
        }
    }

    /// - Throws: ``BootError`` when one of them does not fit the kernel.
    static func loadModules() throws(BootError) {
        guard let folder = opendir(moduleFolder) else { return }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".ko") { names.append(name) }
        }
        closedir(folder)
        for name in names.sorted() {
            let descriptor = open("\(moduleFolder)/\(name)", O_RDONLY | O_CLOEXEC)
            let failure = descriptor < 0 ? errno : cboot_load_module(descriptor)
            if descriptor >= 0 { close(descriptor) }
            guard failure == 0 || failure == EEXIST else {
                throw BootError("the kernel module \(name) cannot be loaded: \(text(failure))")
            }
        }
    }

    /// The file system through which the kernel provides reports of SNP and TDX. The kernel of another TEE may lack it.
    static func mountReports() throws(BootError) {
        guard access("/sys/kernel/config", F_OK) == 0 else { return }
        try mount("configfs", "/sys/kernel/config", forbidsPrograms: true)
    }

    /// Seeds the kernel's generator from the processor, whatever else the host offers as randomness.
    ///
    /// - Throws: ``BootError`` where the processor gives nothing: the host could then guess every key of the enclave.
    static func seedGenerator() throws(BootError) {
        var seed = [UInt8](repeating: 0, count: seedByteCount)
        var failure = cboot_hardware_random(&seed, seed.count)
        #if !arch(x86_64)
            // The driver of the Nitro security module feeds the kernel's generator itself.
            if failure == ENOTSUP { return }
        #endif
        guard failure == 0 else {
            throw BootError(
                "the processor gives no random numbers (\(text(failure))); QEMU's models max, EPYC and host have RDSEED"
            )
        }
        failure = cboot_add_entropy(seed, seed.count)
        guard failure == 0 else { throw BootError("the kernel's generator took no seed: \(text(failure))") }
    }

    /// Reports to Nitro that the machine has booted: sends one byte, and waits for the same byte
    /// (aws-nitro-enclaves-sdk-bootstrap, init.c).
    static func sendHeartbeat(to address: VsockAddress) throws(BootError) {
        let heartbeat: UInt8 = 0xB7
        do throws(WireError) {
            let stream = DescriptorStream(socket: try address.connect())
            try withUnsafeBytes(of: heartbeat) { (bytes) throws(WireError) in try stream.write(bytes, more: false) }
            var answer: UInt8 = 0
            let count = try withUnsafeMutableBytes(of: &answer) { (free) throws(WireError) in
                try stream.read(into: free)
            }
            guard count == 1, answer == heartbeat else {
                throw WireError(.malformed, "the answer is not the same byte")
            }
        } catch { throw BootError("the heartbeat to \(address.contextID):\(address.port) failed: \(error.message)") }
    }

    private static func mount(_ type: String, _ target: String, forbidsPrograms: Bool) throws(BootError) {
        // An image may lack the folder.
        mkdir(target, 0o755)
        let failure = cboot_mount(type, target, forbidsPrograms ? 1 : 0)
        guard failure == 0 || failure == EBUSY else { throw BootError("\(target) cannot be mounted: \(text(failure))") }
    }

    private static func text(_ number: Int32) -> String { String(cString: strerror(number)) }
}
