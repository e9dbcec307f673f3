// SPDX-License-Identifier: Apache-2.0
import SealedChannel

/// Why a request that was opened is refused: sealed to its client, in an answer of the usual size.
struct AnswerRefusal: Error {
    let status: AnswerStatus

    init(_ status: AnswerStatus) { self.status = status }
}
