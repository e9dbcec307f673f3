// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Foundation
import LeakageAssessment

/// Turns SIGINT and SIGTERM into cancellation, so that temporary files are removed before the process ends.
enum Interruption {
    static func cancelling<Result: Sendable>(
        _ work: (CancellationFlag) async throws -> Result
    ) async throws -> Result {
        let flag = CancellationFlag()
        // A file over the size limit is reported as an error, like a full disk.
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
