import Dispatch
import Foundation
import LeakageAssessment

/// Turns SIGINT and SIGTERM into a cancellation, so that temporary files are removed before the process ends.
enum Interruption {
    static func cancelling<Result: Sendable>(
        _ work: (CancellationFlag) async throws -> Result
    ) async throws -> Result {
        let flag = CancellationFlag()
        // A file over the limit is an error to report, as a full disk is.
        signal(SIGXFSZ, SIG_IGN)
        let sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { flag.cancel() }
            source.resume()
            return source
        }
        defer { for source in sources { source.cancel() } }
        return try await work(flag)
    }
}
