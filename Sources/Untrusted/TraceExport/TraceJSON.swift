// SPDX-License-Identifier: Apache-2.0
import HostCore

/// Spans as the OpenTelemetry Protocol has them in JSON over HTTP (OTLP 1.x, `ExportTraceServiceRequest`): identifiers in
/// hexadecimal, 64-bit numbers as text.
struct TraceJSON {
    private(set) var bytes: [UInt8] = []

    private enum Kind: Int {
        case `internal` = 1
        case server = 2
        case client = 3
    }
    /// The code of a span's status.
    private enum Outcome: Int {
        case ok = 1
        case error = 2
    }

    /// - Parameter version: The version of this program.
    init(_ traces: [FinishedTrace], version: String) {
        append(#"{"resourceSpans":[{"resource":{"attributes":["#)
        append(
            #"{"key":"service.name","value":{"stringValue":"infenclave"}},{"key":"service.version","value":{"stringValue":"#
        )
        appendText(version)
        append(#"}}]},"scopeSpans":[{"scope":{"name":"infenclave"},"spans":["#)
        for (index, trace) in traces.enumerated() {
            if index > 0 { append(",") }
            append(trace)
        }
        append("]}]}]}")
    }

    private mutating func append(_ finished: FinishedTrace) {
        // The identifiers of one trace differ, and none is zero.
        let root = finished.trace.traceID.0
        span(finished, root, parent: nil, "request", .server, from: .zero, to: finished.took)
        append(#""attributes":["#)
        attribute("infenclave.request", finished.request)
        append(",")
        attribute("infenclave.model", finished.model)
        append(#",{"key":"http.response.status_code","value":{"intValue":"\#(finished.status)"}}"#)
        if let code = finished.code {
            append(",")
            attribute("infenclave.code", code)
        }
        append(#"],"status":{"code":\#((finished.status == 200 ? Outcome.ok : .error).rawValue)}}"#)
        for (index, part) in finished.trace.spans.enumerated() {
            append(",")
            let isOutside = part.stage == .enclave || part.stage == .backNet
            let identifier =
                part.stage == .backNet ? finished.trace.backNetSpan : Self.child(of: root, index + 1)
            span(
                finished, identifier, parent: root, part.stage.rawValue,
                isOutside ? .client : .internal, from: part.begin, to: part.end)
            append(#""status":{"code":\#(Outcome.ok.rawValue)}}"#)
        }
    }

    private static func child(of root: UInt64, _ number: Int) -> UInt64 {
        let identifier = root &+ UInt64(number) &* 0x9E37_79B9_7F4A_7C15
        return identifier == 0 ? 1 : identifier
    }

    /// A span without its attributes, its status and its end.
    private mutating func span(
        _ finished: FinishedTrace, _ identifier: UInt64, parent: UInt64?, _ name: String, _ kind: Kind,
        from begin: Duration, to end: Duration
    ) {
        append(
            #"{"traceId":""# + RequestTrace.hexadecimal(finished.trace.traceID.0)
                + RequestTrace.hexadecimal(finished.trace.traceID.1))
        append(#"","spanId":""# + RequestTrace.hexadecimal(identifier))
        if let parent { append(#"","parentSpanId":""# + RequestTrace.hexadecimal(parent)) }
        append(#"","name":""# + name + #"","kind":\#(kind.rawValue),"startTimeUnixNano":""#)
        append(Self.time(finished.trace, begin) + #"","endTimeUnixNano":""# + Self.time(finished.trace, end) + "\",")
    }

    private static func time(_ trace: RequestTrace, _ offset: Duration) -> String {
        String(trace.startTime &+ UInt64(max(0, offset / .nanoseconds(1))))
    }

    private mutating func attribute(_ name: String, _ value: String) {
        append(#"{"key":""# + name + #"","value":{"stringValue":"#)
        appendText(value)
        append("}}")
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func appendText(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20: bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
