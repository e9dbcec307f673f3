// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import HostCore

/// What the log and the metrics say about a finished request. Nothing of it is derived from sealed content.
struct RequestRecord: Sendable {
    /// Random, chosen by the host. It relates a client's report to a line of the log, and does not reveal the number of
    /// others' requests.
    let identifier: String
    /// `nil` if the request was refused before it named one.
    let endpoint: Endpoint?
    let model: String?
    let bodyBytes: Int
    private(set) var status = 0
    /// The code of a refusal.
    private(set) var code: String?
    /// Whether the host refused it without asking the enclave.
    private(set) var wasTurnedAway = false
    /// From the last byte of the request to the last of the answer.
    var time = Duration.zero

    /// - Parameter allowance: `nil` if the request was refused because of its headers.
    init(_ allowance: Intake.Allowance?, bodyBytes: Int) {
        identifier = RequestTrace.hexadecimal(.random(in: .min ... .max))
        endpoint = allowance?.endpoint
        model = allowance?.model
        self.bodyBytes = bodyBytes
    }

    mutating func note(_ head: HTTPResponse) {
        status = head.status.code
        code = head.headerFields[.errorCode]
    }

    mutating func note(_ refusal: Refusal) {
        status = refusal.status.code
        code = refusal.code.isEmpty ? nil : refusal.code
        wasTurnedAway = true
    }
}

extension HTTPField.Name {
    /// ``RequestRecord/identifier``.
    static let requestIdentifier = Self(known: "infenclave-request-id")
    /// The code of a refusal, for the logs of proxies.
    static let errorCode = Self(known: "infenclave-error")

    init(known name: String) {
        guard let name = Self(name) else { preconditionFailure("\(name) is no name of a field") }
        self = name
    }
}
