// SPDX-License-Identifier: Apache-2.0
import HostCore

/// A finished request, with the data that its spans need.
struct FinishedTrace: Sendable {
    let trace: RequestTrace
    let request: String
    let model: String
    let status: Int
    let code: String?
    let took: Duration

    init(_ trace: RequestTrace, request: String, model: String, status: Int, code: String?, took: Duration) {
        self.trace = trace
        self.request = request
        self.model = model
        self.status = status
        self.code = code
        self.took = took
    }
}
