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
        // An input "x" of UINT8 [2] with contents and a parameter, an output "y", and raw contents.
        let message: [UInt8] = [
            0x0A, 1, 0x6D, 0x2A, 24, 0x0A, 1, 0x78, 0x12, 5, 0x55, 0x49, 0x4E, 0x54, 0x38, 0x1A, 1, 2, 0x22, 3, 0x0A, 1,
            0x70, 0x2A, 4, 0x22, 2, 1, 2, 0x32, 3, 0x0A, 1, 0x79, 0x3A, 2, 1, 2,
        ]
        return [
            FuzzSeed(.inferenceMessage, "contents", message),
            FuzzSeed(.inferenceRequest, "binary", header + Array(binary.utf8) + [3, 0, 0, 0, 0xFF, 0xD8, 0xFF]),
            FuzzSeed(.inferenceRequest, "nested", Array(nested.utf8)),
            FuzzSeed(.inferenceRequest, "texts", Array(texts.utf8)),
        ]
    }
}
