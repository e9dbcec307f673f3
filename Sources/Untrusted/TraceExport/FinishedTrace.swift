import HostCore

/// A request that is over, with what its spans need to be written.
struct FinishedTrace: Sendable {
    let trace: RequestTrace
    /// Random, 16 bytes.
    let traceID: (UInt64, UInt64)
    let request: String
    let model: String
    let status: Int
    let code: String?
    let took: Duration

    init(_ trace: RequestTrace, request: String, model: String, status: Int, code: String?, took: Duration) {
        self.trace = trace
        traceID = (UInt64.random(in: 1 ... .max), UInt64.random(in: .min ... .max))
        self.request = request
        self.model = model
        self.status = status
        self.code = code
        self.took = took
    }
}
