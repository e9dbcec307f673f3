// SPDX-License-Identifier: Apache-2.0
import Foundation
import OpenInference

/// A path of the protocol's REST form.
enum RESTPath: Hashable {
    case live
    case ready
    case server
    case model(name: String, version: String?)
    case modelReady(name: String, version: String?)
    case infer(name: String, version: String?)

    /// - Parameter path: The path of the request, percent-encoded, without the query.
    /// - Returns: `nil` for a path that is none.
    init?(_ path: String) {
        var parts: [String] = []
        for part in path.split(separator: "/") {
            guard let decoded = String(part).removingPercentEncoding else { return nil }
            parts.append(decoded)
        }
        guard parts.first == "v2" else { return nil }
        parts.removeFirst()
        switch parts.first {
        case nil: self = .server
        case "health" where parts.count == 2 && parts[1] == "live": self = .live
        case "health" where parts.count == 2 && parts[1] == "ready": self = .ready
        case "models" where parts.count >= 2:
            let name = parts[1]
            var rest = parts.dropFirst(2)
            var version: String?
            if rest.first == "versions", rest.count >= 2 {
                version = rest[rest.startIndex + 1]
                rest = rest.dropFirst(2)
            }
            switch Array(rest) {
            case []: self = .model(name: name, version: version)
            case ["ready"]: self = .modelReady(name: name, version: version)
            case ["infer"]: self = .infer(name: name, version: version)
            default: return nil
            }
        default: return nil
        }
    }

    var method: String { if case .infer = self { "POST" } else { "GET" } }
}
