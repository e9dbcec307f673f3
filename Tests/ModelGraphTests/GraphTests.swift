// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors
import Testing

@Suite("Graphs")
struct GraphTests {
    @Test("Every value of a valid graph has the type that its operator gives it")
    func types() throws {
        let graph = try residualGraph()
        #expect(graph.type(of: "c1").shape.dimensions == [1, 4, 8, 8])
        #expect(graph.type(of: "p").shape.dimensions == [1, 4, 1, 1])
        #expect(graph.type(of: "f").shape.dimensions == [1, 4])
        #expect(graph.type(of: "prob").shape.dimensions == [1, 5])
        #expect(graph.constants["unused"] == nil)
    }

    @Test("Parameters and multiply-adds equal those of the layers")
    func costs() throws {
        let graph = try residualGraph()
        #expect(graph.parametersByNode == [112, 0, 144, 0, 0, 0, 20, 0])
        #expect(graph.multiplyAddsByNode == [4 * 64 * 27, 0, 4 * 64 * 36, 0, 0, 0, 20, 0])
    }

    @Test("Another batch size changes the first dimension of every activation")
    func batch() throws {
        let graph = try residualGraph().withBatch(6)
        #expect(graph.type(of: "prob").shape.dimensions == [6, 5])
    }

    @Test("A value that is used before it is made, made twice or missing is refused with the node's name")
    func invalid() throws {
        let type = TensorType(.float32, try Shape([1, 2]))
        func relu(_ name: String, _ input: String, _ output: String) -> Node {
            Node(name: name, operation: .activation(Activation(.relu)), inputs: [input], outputs: [output])
        }
        func message(_ nodes: [Node], output: String = "y") -> String {
            do throws(GraphError) {
                _ = try Graph(
                    name: "g", inputs: [Value(name: "x", type: type)], outputs: [output], nodes: nodes, constants: [:])
                return ""
            } catch { return error.message }
        }
        #expect(message([relu("a", "x", "y")]) == "")
        #expect(message([relu("a", "z", "y"), relu("b", "x", "z")]).contains("'a'"))
        #expect(message([relu("a", "x", "y"), relu("b", "x", "y")]).contains("'y' is defined twice"))
        #expect(message([relu("a", "x", "y"), relu("a", "y", "z")]).contains("node name 'a'"))
        #expect(message([relu("a", "x", "y")], output: "q").contains("'q'"))
        let product = Node(name: "m", operation: .matMul(MatMul()), inputs: ["x", "x"], outputs: ["y"])
        #expect(message([product]).contains("node 'm' (MatMul)"))
    }

    @Test(
        "Attributes that overflow, are negative or excessive are refused",
        arguments: [
            Window(kernel: [3, 3], strides: [0, 1]), Window(kernel: [3, 3], pads: [-1, 0, 0, 0]),
            Window(kernel: [3, 3], dilations: [Int.max, 1]), Window(kernel: [3, 3], strides: [1, Int.max]),
            Window(kernel: [9, 9]), Window(kernel: [3]), Window(kernel: []),
            Window(kernel: [3, 3], pads: [Int.max, Int.max, Int.max, Int.max]),
        ])
    func absurdWindows(window: Window) throws {
        let input = TensorType(.float32, try Shape([1, 1, 4, 4]))
        #expect(throws: GraphError.self) { try Pooling(.maximum, window: window).resultTypes(for: [input]) }
    }

    @Test(
        "Slices are clamped as in ONNX",
        arguments: [
            (0, Int.max, 1, 5), (-2, Int.max, 1, 2), (0, -1, 1, 4), (1, 5, 2, 2), (4, Int.min, -1, 5), (9, 0, -2, 2),
            (3, 1, 1, 0), (Int.min, Int.max, 1, 5), (-9, 9, 3, 2),
        ])
    func slices(start: Int, end: Int, step: Int, count: Int) throws {
        let slice = Slice(starts: [start], ends: [end], axes: [0], steps: [step])
        #expect(try slice.ranges(of: Shape([5]))[0].count == count)
    }
}
