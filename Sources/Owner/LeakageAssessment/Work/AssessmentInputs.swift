// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// Digests of an assessment's inputs, and the keys of the results computed from them.
package struct AssessmentInputs: Sendable {
    /// To be increased whenever the same inputs give different numbers than before.
    static let version = 15

    /// Digest of the graph with its constants, wherever they were stored, and of the preprocessing.
    let model: String
    let validator: String
    let seed: UInt64
    /// Versions, and the processor's kernels: another processor rounds differently.
    let software: String

    init(_ configuration: AssessmentConfiguration, validator: AssessmentConfiguration.Network) {
        model = Self.digest(of: configuration.model)
        self.validator = configuration.validator == nil ? model : Self.digest(of: validator)
        seed = configuration.seed
        var hasher = InputHasher()
        hasher.add("version", "\(Self.version) \(SoftwareVersions.program)")
        hasher.add("libraries", everythingOf: SoftwareVersions.current)
        software = hasher.digest()
    }

    private static func digest(of network: AssessmentConfiguration.Network) -> String {
        var hasher = InputHasher()
        hasher.add("graph", network.graph.sha256)
        hasher.add("preprocessing", everythingOf: network.preprocessing)
        return hasher.digest()
    }

    /// The key of a result that depends on both networks, the seed, this software, these images in this order, and what
    /// `add` adds.
    ///
    /// - Parameters:
    ///   - name: The kind of result, in letters and hyphens.
    ///   - pictures: Digests of the files.
    func key(
        _ name: String, pictures: some Sequence<String> = EmptyCollection(),
        _ add: (inout InputHasher) -> Void = { _ in }
    ) -> WorkKey {
        var hasher = InputHasher()
        hasher.add("software", software)
        hasher.add("name", name)
        hasher.add("model", model)
        hasher.add("validator", validator)
        hasher.add("seed", "\(seed)")
        for picture in pictures { hasher.add("picture", picture) }
        add(&hasher)
        return WorkKey(name: name, digest: hasher.digest())
    }
}
