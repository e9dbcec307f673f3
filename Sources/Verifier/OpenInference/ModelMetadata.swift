// SPDX-License-Identifier: Apache-2.0
/// The public description of a model's tensor.
package struct TensorMetadata: Sendable, Hashable, Encodable {
    package let name: String
    package let datatype: Datatype
    /// -1 for a variable extent.
    package let shape: [Int]

    package init(name: String, datatype: Datatype, shape: [Int]) {
        self.name = name
        self.datatype = datatype
        self.shape = shape
    }
}

/// A model as `GET v2/models/NAME` describes it.
package struct ModelMetadata: Sendable, Hashable, Encodable {
    package let name: String
    package let versions: [String]
    package let platform: String
    package let inputs: [TensorMetadata]
    package let outputs: [TensorMetadata]

    package init(
        name: String, versions: [String], platform: String, inputs: [TensorMetadata], outputs: [TensorMetadata]
    ) {
        self.name = name
        self.versions = versions
        self.platform = platform
        self.inputs = inputs
        self.outputs = outputs
    }
}

/// A server as `GET v2` describes it.
package struct ServerMetadata: Sendable, Hashable, Encodable {
    package let name: String
    package let version: String
    package let extensions: [String]

    package init(name: String, version: String, extensions: [String]) {
        self.name = name
        self.version = version
        self.extensions = extensions
    }
}

extension Datatype: Encodable {}
