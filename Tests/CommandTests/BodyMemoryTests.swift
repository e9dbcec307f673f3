// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import ModelGraph
import ONNXExport
import Synchronization
import Tensors
import TestSupport
import Testing

@Suite("Memory of large request bodies")
struct BodyMemoryTests {
    static let side = 2300

    /// A model whose pictures take nearly as much as a request may have.
    static func deployment(in folder: TemporaryFolder) throws -> Deployment {
        let type = TensorType(.float32, try Shape([1, 3, side, side]))
        let graph = try Graph(
            name: "large", inputs: [Value(name: "picture", type: type)], outputs: ["prob"],
            nodes: [
                Node(
                    name: "mean", operation: .globalPooling(GlobalPooling(.average)), inputs: ["picture"],
                    outputs: ["mean"]),
                Node(name: "flat", operation: .flatten(Flatten()), inputs: ["mean"], outputs: ["flat"]),
                Node(name: "prob", operation: .softmax(Softmax(axis: 1)), inputs: ["flat"], outputs: ["prob"]),
            ], constants: [:])
        let preprocess = #"""
            {"width": \#(side), "height": \#(side), "channels": "RGB", "resize": {"mode": "stretch"},
             "interpolation": "bilinear", "mean": [0, 0, 0], "std": [255, 255, 255]}
            """#
        return try Deployment(
            model: try folder.write(try ONNXFile.encode(graph), to: "large.onnx"),
            labels: try folder.write("red\ngreen\nblue\n", to: "labels.txt"), cuts: Demo.everythingInside,
            preprocess: try folder.write(preprocess, to: "preprocess.json"), name: "large", in: folder)
    }

    private static func residentMemory(of process: pid_t) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
            let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { throw Unexpected("no VmRSS in \(text)") }
        return kibibytes << 10
    }

    @Test("24 concurrent bodies of 15 MiB take less than 300 MiB, and soon afterwards less than 48 MiB of it remains")
    func bounded() throws {
        let server = try Server(try Self.deployment(in: try TemporaryFolder()))
        let process = server.program.identifier
        let before = try Self.residentMemory(of: process)
        let body = [UInt8](repeating: 1, count: Self.side * Self.side * 3)
        let port = server.port
        let statuses = Mutex<[Int]>([])
        let group = DispatchGroup()
        for _ in 0..<24 {
            group.enter()
            Thread.detachNewThread {
                let answer = try? HTTPAnswer.to("POST", "/ohttp", type: "message/ohttp-req", body: body, port: port)
                statuses.withLock { $0.append(answer?.status ?? 0) }
                group.leave()
            }
        }
        var peak = 0
        while group.wait(timeout: .now() + 0.01) == .timedOut { peak = max(peak, try Self.residentMemory(of: process)) }
        // Each request is refused, for lack of memory or of provisioning; one that is cut off while it sends may not
        // receive the answer.
        #expect(statuses.withLock { $0.allSatisfy { $0 == 503 || $0 == 0 } && $0.contains(503) })
        #expect(peak - before < 300 << 20, "\((peak - before) >> 20) MiB")
        // Five seconds later, or when a busy machine comes to it.
        try server.program.wait(until: "return of all but 48 MiB of \((peak - before) >> 20)") {
            try Self.residentMemory(of: process) - before < 48 << 20
        }
        #expect(try server.metric("body_bytes") == 0)
    }
}
