// SPDX-License-Identifier: Apache-2.0
/// The initial state of a guest's processor under QEMU and KVM, as the measured page: the save area (VMSA).
///
/// - Source: AMD 24593, AMD64 Architecture Programmer's Manual, volume 2, table B-4; Linux, arch/x86/kvm/svm/sev.c.
struct ProcessorState: Sendable {
    /// Start address of the first processor (reset vector).
    static let firstAddress: UInt32 = 0xFFFF_FFF0

    let page: [UInt8]

    /// - Parameters:
    ///   - address: Start address of the processor.
    ///   - features: `SEV_FEATURES`.
    init(startingAt address: UInt32, _ model: ProcessorModel, features: UInt64) {
        var page = [UInt8].zeros(SNPFirmware.pageBytes)
        func segment(_ selector: UInt16, _ attributes: UInt16, _ limit: UInt32, _ base: UInt64) -> [UInt8] {
            .littleEndian(selector) + .littleEndian(attributes) + .littleEndian(limit) + .littleEndian(base)
        }
        // es, ss, ds, fs, gs; then cs, gdtr, ldtr, idtr, tr.
        for offset in [0x00, 0x20, 0x30, 0x40, 0x50] { page.put(segment(0, 0x93, 0xFFFF, 0), at: offset) }
        page.put(segment(0xF000, 0x9B, 0xFFFF, UInt64(address & 0xFFFF_0000)), at: 0x10)
        page.put(segment(0, 0, 0xFFFF, 0), at: 0x60)
        page.put(segment(0, 0x82, 0xFFFF, 0), at: 0x70)
        page.put(segment(0, 0, 0xFFFF, 0), at: 0x80)
        page.put(segment(0, 0x8B, 0xFFFF, 0), at: 0x90)
        let registers: [(offset: Int, value: UInt64)] = [
            (0xD0, 0x1000),  // efer
            (0x148, 0x40),  // cr4
            (0x158, 0x10),  // cr0
            (0x160, 0x400),  // dr7
            (0x168, 0xFFFF_0FF0),  // dr6
            (0x170, 2),  // rflags
            (0x178, UInt64(address & 0xFFFF)),  // rip
            (0x268, 0x0007_0406_0007_0406),  // g_pat
            (0x310, UInt64(model.signature)),  // rdx
            (0x3B0, features),
            (0x3E8, 1),  // xcr0
        ]
        for register in registers { page.put(.littleEndian(register.value), at: register.offset) }
        page.put(.littleEndian(UInt32(0x1F80)), at: 0x408)  // mxcsr
        page.put(.littleEndian(UInt16(0x37F)), at: 0x410)  // x87 control word
        self.page = page
    }
}
