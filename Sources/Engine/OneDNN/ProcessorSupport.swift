// SPDX-License-Identifier: Apache-2.0
internal import COneDNN

/// The processor's instruction sets on which the choice of code depends, as far as oneDNN may use them.
package enum ProcessorSupport {
    /// Vector registers of 8 float32, and fused multiply-adds.
    package static var hasAVX2: Bool { has(dnnl_cpu_isa_avx2) }
    /// Vector registers of 16 float32.
    package static var hasAVX512: Bool { has(dnnl_cpu_isa_avx512_core) }
    /// Dot products of bfloat16.
    package static var hasBFloat16: Bool { has(dnnl_cpu_isa_avx512_core_bf16) }
    /// Whether products of bfloat16 are faster than those of float32.
    package static var hasFastBFloat16: Bool {
        isFastAtBFloat16(
            hasProducts: hasBFloat16, hasMatrixUnit: has(dnnl_cpu_isa_avx512_core_amx),
            isIntel: conednn_is_intel() != 0)
    }

    /// Intel processors are fast only with their matrix unit (AMX): `Documentation/performance.md`.
    package static func isFastAtBFloat16(hasProducts: Bool, hasMatrixUnit: Bool, isIntel: Bool) -> Bool {
        hasProducts && (hasMatrixUnit || !isIntel)
    }

    /// Dot products of 8-bit integers without saturation of intermediate sums.
    package static var hasInteger8: Bool { has(dnnl_cpu_isa_avx512_core_vnni) || has(dnnl_cpu_isa_avx2_vnni) }

    /// oneDNN's instruction-set levels are bit sets; each includes the levels below it.
    private static func has(_ level: dnnl_cpu_isa_t) -> Bool {
        dnnl_get_effective_cpu_isa().rawValue & level.rawValue == level.rawValue
    }
}
