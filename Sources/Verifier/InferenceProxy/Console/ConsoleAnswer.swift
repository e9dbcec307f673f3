// SPDX-License-Identifier: Apache-2.0
import InfenclaveImaging

/// The outcome for one picture of the console, as JSON.
struct ConsoleAnswer: Encodable {
    struct Class: Encodable {
        let index: Int
        let name: String
        let probability: Float
    }

    struct Stage: Encodable {
        let name: String
        let milliseconds: Double
    }

    let classes: [Class]
    let stages: [Stage]
    /// The picture as the enclave gets it: PNG in base64.
    let picture: String
    let width: Int
    let height: Int
    /// More than one if the enclave had new keys.
    let exchanges: [ExchangeRecord.Exchange]
}
