// SPDX-License-Identifier: Apache-2.0
package import ModelGraph

extension Graph {
    /// The cut before the mapping unit. Softmax and the class mapping are inside the enclave, so the last node outside
    /// is the one before the final softmax, or the last one if the model ends with class scores. After the softmax there
    /// may be nodes that move or round its values, or combine them with constants.
    ///
    /// - Throws: ``AssessmentError`` `.unsupportedModel` when the model has no node before its softmax.
    package func mappingCut() throws(AssessmentError) -> Cut {
        let cuts = cuts
        var last = nodes.count
        search: for index in nodes.indices.reversed() {
            switch nodes[index].operation {
            case .softmax:
                last = index
                break search
            case .identity, .flatten, .reshape, .squeeze, .unsqueeze, .transpose, .slice, .concat, .quantizeLinear,
                .dequantizeLinear:
                continue
            case .activation(let activation) where activation.function == .clip: continue
            case .arithmetic where nodes[index].inputs.contains(where: { constants[$0] != nil }): continue
            default: break search
            }
        }
        guard last >= 1 else {
            throw AssessmentError(
                .unsupportedModel, "the model has no layer before its softmax: there is nothing to assess")
        }
        return cuts[last - 1]
    }

    /// The cuts that an assessment measures by default, as far as something is outside there: those of ``assessableCuts``
    /// before the mapping unit. Shallowest first.
    package func candidateCuts(before mapping: Cut) -> [Cut] {
        assessableCuts.filter { $0.nodesInside < mapping.nodesInside }
    }
}
