// SPDX-License-Identifier: Apache-2.0
package import ModelGraph

/// Which layers of a model are those of a public one. For them the premise of a secret FrontNet fails, since anyone
/// with the public model can invert the intermediate representation with it.
///
/// Layers are matched by shape and values of their weights, not by name or position, each public layer once. Biases are
/// ignored, and normalisations too: a layer into which only one of the two files has folded its batch normalisation has
/// other weights, and counts as different.
package struct BackboneComparison: Sendable, Hashable {
    package enum Status: String, Sendable, Hashable, CaseIterable {
        /// The same weights up to rounding: a relative distance of at most ``BackboneComparison/roundingDistance``.
        case equal
        /// The same numbers with channels in another order: the same function up to the order of its outputs.
        case permuted
        /// A relative distance of at most ``BackboneComparison/closeDistance``: most likely fine-tuned.
        case close
        case different

        package var isPublic: Bool { self == .equal || self == .permuted }
    }

    package struct Layer: Sendable, Hashable {
        package let name: String
        /// The index of its node in the graph.
        package let node: Int
        package let status: Status
        /// The public layer that it was matched with, or the nearest one; `nil` where none has its shape.
        package let match: String?
        /// Norm of the difference over the norm of the public weights.
        package let distance: Double?
    }

    /// The layers inside a cut.
    package struct Depth: Sendable, Hashable {
        package let cut: String
        /// Number of layers with weights inside.
        package let weighted: Int
        /// Number of public layers from the first on without a gap.
        package let leadingPublic: Int
        /// Number of public layers in all, and of close ones.
        package let publicLayers: Int
        package let close: Int
    }

    package static let roundingDistance = 1e-4
    /// Independently trained weights have distances of 1.2 to 1.5, fine-tuned ones mostly below 0.3.
    package static let closeDistance = 0.5

    /// The name of the public model.
    package let name: String
    package let sha256: String
    /// The layers with weights, in the model's order.
    package let layers: [Layer]

    package init(of graph: Graph, with publicGraph: Graph, name: String, sha256: String) {
        self.name = name
        self.sha256 = sha256
        let (own, others) = (LayerWeights.all(of: graph), LayerWeights.all(of: publicGraph))
        let distances = own.map { layer in others.map { layer.distance(to: $0) } }
        var matches = [(status: Status, other: Int)?](repeating: nil, count: own.count)
        var taken: Set<Int> = []
        func match(_ status: Status, _ find: (Int, [Int]) -> Int?) {
            for index in own.indices where matches[index] == nil {
                let free = others.indices.filter { !taken.contains($0) && distances[index][$0] != nil }
                guard let other = find(index, free) else { continue }
                matches[index] = (status, other)
                taken.insert(other)
            }
        }
        func nearest(_ index: Int, _ free: [Int]) -> Int? {
            free.min { distances[index][$0] ?? .infinity < distances[index][$1] ?? .infinity }
        }
        match(.equal) { index, free in
            free.first { distances[index][$0] ?? .infinity <= Self.roundingDistance }
        }
        var unordered: [Int: [[Float]]] = [:]
        match(.permuted) { index, free in
            guard !free.isEmpty else { return nil }
            let sorted = own[index].unordered
            return free.first { other in
                guard own[index].shape == others[other].shape else { return false }
                let candidate = unordered[other] ?? others[other].unordered
                unordered[other] = candidate
                return candidate == sorted
            }
        }
        match(.close) { index, free in
            nearest(index, free).flatMap { distances[index][$0] ?? .infinity <= Self.closeDistance ? $0 : nil }
        }
        layers = own.indices.map { index in
            let other =
                matches[index]?.other ?? nearest(index, Array(others.indices.filter { distances[index][$0] != nil }))
            return Layer(
                name: own[index].name, node: own[index].node, status: matches[index]?.status ?? .different,
                match: other.map { others[$0].name }, distance: other.flatMap { distances[index][$0] })
        }
    }

    /// - Parameter nodesInside: Number of nodes inside the cut.
    package func depth(of cut: String, nodesInside: Int) -> Depth {
        let inside = layers.filter { $0.node < nodesInside }
        return Depth(
            cut: cut, weighted: inside.count, leadingPublic: inside.prefix { $0.status.isPublic }.count,
            publicLayers: inside.count { $0.status.isPublic }, close: inside.count { $0.status == .close })
    }

    /// The result for the whole model, in one sentence.
    package var summary: String {
        let counts = Status.allCases.compactMap { status -> String? in
            let count = layers.count { $0.status == status }
            return count > 0 ? "\(count) \(status.rawValue)" : nil
        }
        return "Compared with the public model '\(name)', of \(layers.count) weighted layers: "
            + (counts.isEmpty ? "none" : counts.joined(separator: ", ")) + "."
    }
}

extension BackboneComparison.Depth {
    /// The consequence for a FrontNet up to this cut; `nil` where nothing inside is public or close to it.
    package var consequence: String? {
        if leadingPublic > 0 {
            let share =
                leadingPublic == weighted
                ? "all \(weighted) weighted layers inside"
                : "the first \(leadingPublic) of \(weighted) weighted layers inside"
            return
                "FrontNet up to '\(cut)': \(share) are public: they suffice to invert the IR with the model itself."
        }
        guard publicLayers + close > 0 else { return nil }
        return
            "FrontNet up to '\(cut)': \(publicLayers) of \(weighted) weighted layers inside are public and \(close) close "
            + "to public ones: an imitation of the FrontNet starts from them."
    }
}
