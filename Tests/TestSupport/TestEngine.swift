// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Synchronization

/// A small engine of the Open Inference Protocol on a port of 127.0.0.1, whose behaviour a test selects.
package final class TestEngine: Sendable {
    package struct Request: Sendable {
        package let method: String
        package let path: String
        package let headers: [String: String]
        package let body: [UInt8]
    }

    package enum Reaction: Sendable {
        case answer(Int, [String: String] = [:], [UInt8])
        /// These bytes, and then the connection is closed.
        case raw([UInt8])
        /// No answer at all.
        case silence
        case close
    }

    package typealias Behaviour = @Sendable (Request) -> Reaction

    package let port: Int
    private let connections: Connections

    package init(port: Int = 0, _ behaviour: @escaping Behaviour) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 256) == 0
                    && getsockname(listener, $0, &length) == 0
            }
        }
        guard isBound else {
            Glibc.close(listener)
            throw POSIXError(.EADDRINUSE)
        }
        self.port = Int(UInt16(bigEndian: address.sin_port))
        let connections = Connections(listener: listener, behaviour: behaviour)
        self.connections = connections
        Thread.detachNewThread { connections.acceptAll() }
    }

    deinit { stop() }

    /// Of a model of this name.
    package var address: String { "oip+http://127.0.0.1:\(port)/model" }
    package var requests: [Request] { connections.state.withLock { $0.requests } }
    /// What was asked of the model itself.
    package var inferences: [Request] { requests.filter { $0.path.hasSuffix("/infer") } }
    package var accepted: Int { connections.state.withLock { $0.accepted } }

    package func behave(_ behaviour: @escaping Behaviour) {
        connections.state.withLock { $0.behaviour = behaviour }
    }

    /// As `kill -9` of an engine: all connections are reset, nobody listens.
    package func stop() { connections.stop() }

    /// Closes kept connections, as engines do after some idle seconds.
    package func closeConnections() { connections.shutDown() }
}

/// A descriptor is closed by the thread that reads it, and shut down only while it is open: the number of a closed one
/// may be another engine's.
private final class Connections: Sendable {
    struct State {
        var behaviour: TestEngine.Behaviour
        var requests: [TestEngine.Request] = []
        var open: Set<Int32> = []
        var accepted = 0
        var isStopped = false
    }
    let state: Mutex<State>
    private let listener: Int32

    init(listener: Int32, behaviour: @escaping TestEngine.Behaviour) {
        self.listener = listener
        state = Mutex(State(behaviour: behaviour))
    }

    func acceptAll() {
        while true {
            let client = accept(listener, nil, nil)
            // A program that another test starts would keep the connection open.
            if client >= 0 { _ = fcntl(client, F_SETFD, FD_CLOEXEC) }
            let isStopped = state.withLock { state in
                if client >= 0, !state.isStopped {
                    state.open.insert(client)
                    state.accepted += 1
                }
                return state.isStopped
            }
            if isStopped {
                if client >= 0 { Glibc.close(client) }
                Glibc.close(listener)
                return
            }
            guard client >= 0 else {
                usleep(1_000)
                continue
            }
            Thread.detachNewThread { [self] in
                while let request = Self.read(client), react(to: request, on: client) {}
                state.withLock { state in
                    state.open.remove(client)
                    Glibc.close(client)
                }
            }
        }
    }

    func stop() {
        state.withLock { state in
            guard !state.isStopped else { return }
            state.isStopped = true
            shutdown(listener, Int32(SHUT_RDWR))
        }
        shutDown()
    }

    func shutDown() {
        state.withLock { state in
            for connection in state.open { shutdown(connection, Int32(SHUT_RDWR)) }
        }
    }

    private func react(to request: TestEngine.Request, on connection: Int32) -> Bool {
        let behaviour = state.withLock { state in
            state.requests.append(request)
            return state.behaviour
        }
        switch behaviour(request) {
        case .answer(let status, let headers, let body):
            var head = "HTTP/1.1 \(status) X\r\nContent-Length: \(body.count)\r\n"
            for (name, value) in headers { head += "\(name): \(value)\r\n" }
            return Self.send(Array((head + "\r\n").utf8) + body, connection)
        case .raw(let bytes):
            _ = Self.send(bytes, connection)
            return false
        case .silence:
            var byte: UInt8 = 0
            while recv(connection, &byte, 1, Int32(MSG_DONTWAIT)) < 0, errno == EAGAIN { usleep(10_000) }
            return false
        case .close: return false
        }
    }

    private static func send(_ bytes: [UInt8], _ connection: Int32) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(connection, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    private static func read(_ connection: Int32) -> TestEngine.Request? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        var head: [Substring]?
        var start = 0
        while true {
            if head == nil, let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) {
                head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
                start = end.upperBound
            }
            if let head, let line = head.first?.split(separator: " "), line.count == 3 {
                var headers: [String: String] = [:]
                for field in head.dropFirst() {
                    let parts = field.split(separator: ":", maxSplits: 1).map {
                        $0.trimmingCharacters(in: .whitespaces)
                    }
                    headers[parts[0].lowercased()] = parts[1]
                }
                let length = headers["content-length"].flatMap { Int($0) } ?? 0
                if bytes.count - start >= length {
                    return TestEngine.Request(
                        method: String(line[0]), path: String(line[1]), headers: headers,
                        body: Array(bytes[start..<(start + length)]))
                }
            }
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            bytes += buffer.prefix(count)
        }
    }
}

extension TestEngine.Request {
    /// The tensors of a request for inference, and whether they came in binary form; `nil` where it is none.
    package var floats: (values: [[Float]], areBinary: Bool)? {
        let jsonBytes = headers["inference-header-content-length"].flatMap { Int($0) } ?? body.count
        guard jsonBytes <= body.count,
            let json = try? JSONSerialization.jsonObject(with: Data(body[..<jsonBytes])) as? [String: Any],
            let inputs = json["inputs"] as? [[String: Any]]
        else { return nil }
        var offset = jsonBytes
        let values = inputs.map { input -> [Float] in
            guard let size = (input["parameters"] as? [String: Any])?["binary_data_size"] as? Int else {
                return (input["data"] as? [Double] ?? []).map { Float($0) }
            }
            defer { offset += size }
            let bytes = Array(body[offset..<(offset + size)])
            return bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        }
        return (values, jsonBytes < body.count)
    }
}

extension TestEngine.Reaction {
    /// Tensors in binary form.
    package static func answer(tensors: [(name: String, shape: [Int], values: [Float])]) -> Self {
        let outputs = tensors.map { name, shape, values in
            #"{"name":"\#(name)","datatype":"FP32","shape":\#(shape),"parameters":{"binary_data_size":\#(values.count * 4)}}"#
        }
        let head = Array(#"{"outputs":[\#(outputs.joined(separator: ","))]}"#.utf8)
        return .answer(
            200, ["Inference-Header-Content-Length": "\(head.count)"],
            head + tensors.flatMap { $0.values.withUnsafeBytes { Array($0) } })
    }
}
