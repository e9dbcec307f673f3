// SPDX-License-Identifier: Apache-2.0
import EnclavePlatform
import FrameStream
import Testing

@Suite("The kernel command line of an enclave's machine")
struct BootTests {
    private func configuration(_ line: String) throws(BootError) -> BootConfiguration {
        try BootConfiguration(commandLine: Array(line.utf8))
    }

    @Test("The command line gives the enclave's options, the heartbeat and the action at the end")
    func options() throws {
        let snp = try configuration(
            "BOOT_IMAGE=/vmlinuz console=ttyS0 infenclave.connect=vsock:2:9000 infenclave.tee=snp infenclave.workers=2 quiet\n"
        )
        #expect(snp.arguments == ["--tee", "snp", "--connect", "vsock:2:9000", "--workers", "2"])
        #expect(snp.heartbeat == nil)
        #expect(snp.end == .reboot)
        let nitro = try configuration(
            "infenclave.tee=nitro infenclave.connect=vsock:3:5000 infenclave.heartbeat=vsock:3:9000 infenclave.end=poweroff virtio_mmio.device=4K@0xd0000000:5"
        )
        #expect(nitro.heartbeat == VsockAddress(contextID: 3, port: 9000))
        #expect(nitro.end == .powerOff)
    }

    @Test(
        "Missing, unknown and duplicate parameters are refused, so that appended text replaces no measured value",
        arguments: [
            "", "infenclave.tee=snp", "infenclave.connect=vsock:2:9000",
            "infenclave.tee=snp infenclave.connect=fd:3", "infenclave.tee=snp infenclave.connect=stdio",
            "infenclave.tee=snp infenclave.connect=vsock:2:9000 infenclave.tee=snp",
            "infenclave.tee=snp infenclave.connect=vsock:2:9000 infenclave.connect=vsock:9:9",
            "infenclave.tee=snp infenclave.connect=vsock:2:9000 infenclave.shell=/bin/sh",
            "infenclave.tee=snp infenclave.connect=vsock:2:9000 infenclave.threads",
            "infenclave.tee=snp infenclave.connect=vsock:2:9000 infenclave.threads=0",
            "infenclave.tee=snp infenclave.connect=vsock:2:9000 infenclave.end=halt",
            "infenclave.tee=snp infenclave.connect=vsock:2:9000 infenclave.heartbeat=serial:x",
            "infenclave.tee=snp infenclave.connect=vsock:2:9000 infenclave.development-key=/k",
            "infenclave.tee=development infenclave.connect=vsock:2:9000",
        ])
    func refusals(line: String) { #expect(throws: BootError.self) { try configuration(line) } }

    @Test("A line longer than the kernel's maximum is refused")
    func length() {
        let line = "infenclave.tee=snp infenclave.connect=vsock:2:9000"
        #expect(throws: BootError.self) { try configuration(line + String(repeating: " x", count: 2100)) }
    }
}
