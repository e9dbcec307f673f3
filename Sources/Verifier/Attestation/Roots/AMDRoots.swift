// SPDX-License-Identifier: Apache-2.0
/// Roots (ARK) and intermediates (ASK for VCEKs, ASVK for VLEKs) of AMD's processor generations. The intermediates are
/// here so that a VCEK alone is enough; they prove nothing before the ARK's signature over them was checked.
///
/// Published at https://kdsintf.amd.com/vcek/v1/{Milan|Genoa|Turin}/cert_chain and /vlek/v1/….
enum AMDRoots {
    static let roots = PEM.compiledIn(AMDMilan.ark + "\n" + AMDGenoa.ark + "\n" + AMDTurin.ark)
    static let intermediates = PEM.compiledIn(
        [AMDMilan.ask, AMDMilan.asvk, AMDGenoa.ask, AMDGenoa.asvk, AMDTurin.ask, AMDTurin.asvk]
            .joined(separator: "\n"))
}
