// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
internal import Tensors

/// How many chosen requests determine a FrontNet's weights, for a listed client who colludes with the host.
///
/// The client chooses the input, and the host sees the boundary tensors. So one request gives them ``floatsPerRequest``
/// equations for the weights. With fewer equations than ``unknowns``, almost every FrontNet shares its answers with
/// others, so ``leastRequests`` is a lower bound: unknowns over floats, rounded up. It counts equations and says
/// nothing about how hard they are to solve; we know of no attack that needs so few for a deep FrontNet. The weights
/// are taken as real numbers without prior knowledge; an attacker who knows a similar model needs fewer. Noise on the
/// boundary makes each equation inexact, so more requests are needed, which this does not count.
///
/// Measured: a convolution, batch normalisation and ReLU were recovered from 7 requests of one client with inputs of
/// f32, to a relative error of 3e-5. These are ``impulseRequests`` for an image of three channels; the count alone
/// gives 1.
package struct WeightRecovery: Sendable, Hashable {
    /// Number of values that the FrontNet's function depends on, after batch normalisation is folded: a lower estimate,
    /// see ``WeightCount``.
    package let unknowns: Int
    /// Number of elements in all boundary tensors for one image.
    package let floatsPerRequest: Int
    /// 0 where there are no weights.
    package let leastRequests: Int
    /// A number of impulse requests that is enough; `nil` where the FrontNet is more than one convolution with
    /// element-wise operations after it, see ``ImpulseRequests``.
    package private(set) var impulseRequests: Int?

    /// - Parameter cut: A cut of `graph`, whose first extents are 1.
    package init(of graph: Graph, inside cut: Cut) {
        unknowns = WeightCount(of: graph, inside: cut).unknowns
        floatsPerRequest = cut.crossing.reduce(0) { $0 + graph.type(of: $1).shape.elementCount }
        // Boundary tensors together have at least one element.
        leastRequests = unknowns == 0 ? 0 : (unknowns - 1) / max(1, floatsPerRequest) + 1
        impulseRequests = ImpulseRequests.count(graph, inside: cut)
    }

    /// The same with noise on the boundary, under which impulses do not give the exact weights.
    package var underNoise: WeightRecovery {
        var result = self
        result.impulseRequests = nil
        return result
    }

    /// One sentence of plain text.
    package var sentence: String {
        guard unknowns > 0 else { return "There are no weights to recover." }
        let least =
            leastRequests == 1 ? "at least 1 chosen request" : "at least \(Format.count(leastRequests)) chosen requests"
        return "It takes \(least) of a listed client who works with the host to determine the FrontNet's weights "
            + "(\(Format.count(unknowns)) unknowns, \(Format.count(floatsPerRequest)) floats cross per request)"
            + (impulseRequests.map { ", and \($0) requests with impulses are enough." } ?? ".")
    }

    /// The sentence for everything inside.
    package static let nothingCrosses =
        "Nothing crosses, so requests reveal of the weights only what the classes in the answers reveal."
}
