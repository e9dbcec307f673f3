// SPDX-License-Identifier: Apache-2.0
import Crypto
package import Evidence

/// The register values that the replay of an event log gives, with an explanation of each step.
package struct EventLogReplay: Sendable {
    package struct Step: Sendable {
        package let event: EventLog.Event
        /// The register after this event; `nil` for an event that extends none.
        package let value: [UInt8]?
        /// Whether the event's digest is that of its data: only then does the register authenticate the data.
        package let isDataMeasured: Bool
    }

    package static let registerCount = 4

    /// RTMR0 to RTMR3, 48 bytes each; zeros for one without an event.
    package let registers: [[UInt8]]
    package let steps: [Step]

    package init(_ log: EventLog) {
        var registers = [[UInt8]](
            repeating: [UInt8](repeating: 0, count: 48), count: Self.registerCount)
        var steps: [Step] = []
        for event in log.events {
            guard let register = event.register, let digest = event.digest else {
                steps.append(Step(event: event, value: nil, isDataMeasured: false))
                continue
            }
            registers[register] = Array(SHA384.hash(data: registers[register] + digest))
            steps.append(
                Step(
                    event: event, value: registers[register],
                    isDataMeasured: SHA384.hash(data: event.data).elementsEqual(digest)))
        }
        self.registers = registers
        self.steps = steps
    }

    /// Reads a log and replays it.
    ///
    /// - Throws: ``AttestationError`` (invalidInput) if the bytes are no log.
    package init(parsing bytes: [UInt8]) throws(AttestationError) {
        do throws(EvidenceError) { self.init(try EventLog(parsing: bytes)) } catch {
            throw AttestationError(.invalidInput, "the event log cannot be read: \(error.message)")
        }
    }

    /// A line for each event. Text that no register authenticates is marked.
    package var explanation: [String] {
        steps.map { step in
            let register = step.event.register.map { "rtmr\($0)" } ?? "none "
            let data = EventText.text(of: step.event.data)
            let text = data.isEmpty ? "" : step.isDataMeasured ? ": \(data)" : ", said to be: \(data)"
            return "\(register)  \(step.value?.hex ?? "no extension")  \(EventText.name(of: step.event.kind))\(text)"
        }
    }
}
