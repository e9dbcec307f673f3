// SPDX-License-Identifier: Apache-2.0
extension FuzzSeed {
    static func proxySeeds() -> [FuzzSeed] {
        let binary = #"""
            {"id":"1","inputs":[{"name":"image","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":7}}],
            "outputs":[{"name":"PROBABILITIES","parameters":{"classification":3,"binary_data":true}}]}
            """#
        let header = [UInt8(binary.utf8.count >> 8), UInt8(truncatingIfNeeded: binary.utf8.count)]
        let nested = #"""
            {"inputs":[{"name":"input","shape":[1,2,2],"datatype":"FP32","data":[[[1,-2.5e1],[3,0.1]]]}],
            "parameters":{"binary_data_output":true}}
            """#
        let texts = #"{"inputs":[{"name":"image","shape":[2],"datatype":"BYTES","data":["AA==","\u00e9"]}]}"#
        return [
            FuzzSeed(.inferenceRequest, "binary", header + Array(binary.utf8) + [3, 0, 0, 0, 0xFF, 0xD8, 0xFF]),
            FuzzSeed(.inferenceRequest, "nested", Array(nested.utf8)),
            FuzzSeed(.inferenceRequest, "texts", Array(texts.utf8)),
        ]
    }
}
