// SPDX-License-Identifier: Apache-2.0
extension FuzzSeed {
    static func engineSeeds() throws -> [FuzzSeed] {
        let json =
            #"{"model_name":"model","model_version":null,"outputs":["#
            + #"{"name":"out","shape":[1,2,2],"datatype":"FP32","data":[[[1,2.5],[-3e-2,4]]]},"#
            + #"{"name":"scores","shape":[1,3],"datatype":"FP32","parameters":null,"data":[0,0.5,1]}]}"#
        let head = Array(
            (#"{"outputs":[{"name":"scores","shape":[1,3],"datatype":"FP32","parameters":{"binary_data_size":12}},"#
                + #"{"name":"out","shape":[1,2,2],"datatype":"FP32","parameters":{"binary_data_size":16}}]}"#).utf8)
        return [
            FuzzSeed(.inferResponse, "json", [0xFF, 0xFF] + Array(json.utf8)),
            FuzzSeed(
                .inferResponse, "binary",
                [UInt8(head.count & 0xFF), UInt8(head.count >> 8)] + head + [UInt8](repeating: 63, count: 28)),
        ]
    }
}
