// SPDX-License-Identifier: Apache-2.0
import Foundation
import LeakageAssessment
import Testing

@Suite("Linear algebra")
struct KernelTests {
    @Test(
        "On a processor with AVX2, OpenBLAS does not fall back to its Prescott kernels",
        .enabled(if: ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"] == nil))
    func kernels() throws {
        let processor = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        guard processor.contains(" avx2 "), processor.contains(" fma ") else { return }
        let description = SoftwareVersions.current.openBLAS
        #expect(!description.contains("Prescott"), "\(description)")
    }
}
