// SPDX-License-Identifier: Apache-2.0
internal import Hexadecimal
package import LeakageAssessment
package import ModelGraph
package import Tensors

/// The network that an assessment is of, as `assessment.json` records it. The numbers hold for this network alone: the
/// same file with another output, input shape or preprocessing sends other values across the cut.
package struct AssessedNetwork: Sendable, Hashable, Decodable {
    /// SHA-256 of the model's file, 64 hexadecimal digits.
    package let sha256: String
    /// SHA-256 of the canonical encoding of the graph, 64 hexadecimal digits.
    package let graphSHA256: String
    /// The name of the graph's output.
    package let output: String
    /// What the output was taken for. How the gates judge depends on it.
    package let scores: ScoreKind
    package let classes: Int
    /// Size of the input in pixels.
    package let width: Int
    package let height: Int
    package let preprocessing: Preprocessing

    /// A difference between the assessed network and another one.
    package struct Difference: Sendable, Hashable {
        /// What the assessment has, and what the network has.
        package let message: String
        package let remedy: String
    }

    /// The first difference from a network; `nil` if the assessment is of this one.
    package func difference(from network: AssessmentResult.NetworkDescription) -> Difference? {
        guard sha256 == network.sha256 else {
            return Difference(
                message: "it is of another model: its SHA-256 is \(sha256), expected \(network.sha256)",
                remedy: "assess this model, with the same --store-weights")
        }
        func form(_ classes: Int, _ width: Int, _ height: Int) -> String {
            "\(classes) classes of \(width)x\(height) images"
        }
        let (found, expected) = (
            form(classes, width, height), form(network.classes, network.width, network.height)
        )
        guard found == expected else {
            return Difference(
                message: "it is of \(found), the model is loaded for \(expected)",
                remedy: "give the same --shape, --output and --preprocess as to `assess`, or assess the model again")
        }
        guard scores == network.scores else {
            return Difference(
                message:
                    "it was made with \(scores.rawValue) as scores, the model is loaded with \(network.scores.rawValue)",
                remedy: "give the same --scores as to `assess`, or assess the model again with this one")
        }
        guard output == network.output else {
            return Difference(
                message: "it is of the output '\(output)', the model is loaded with '\(network.output)'",
                remedy: "give the same --output as to `assess`, or assess the model again with this one")
        }
        guard preprocessing == network.preprocessing else {
            return Difference(
                message: "it was made with the preprocessing \(JSONText.line(preprocessing)), "
                    + "expected \(JSONText.line(network.preprocessing))",
                remedy: "give the same --preprocess as to `assess`, or assess the model again with this one")
        }
        guard graphSHA256 == network.graphSHA256 else {
            return Difference(
                message: "it is of another graph of the same file: its SHA-256 is \(graphSHA256), "
                    + "expected \(network.graphSHA256)",
                remedy:
                    "give the same --shape as to `assess`; if another version of infenclave made it, assess the model again"
            )
        }
        return nil
    }

    /// The member with a digest that is none; `nil` if there is no such member.
    var malformedDigest: String? {
        [("sha256", sha256), ("graphSHA256", graphSHA256)].first { [UInt8](lowercaseHex: $1, count: 32) == nil }?.0
    }
}
