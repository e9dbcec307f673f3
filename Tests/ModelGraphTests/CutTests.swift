// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors
import Testing

@Suite("Cuts")
struct CutTests {
    @Test("The boundary tensors of a cut are the values made before it and needed after it")
    func crossing() throws {
        let cuts = try residualGraph().cuts
        #expect(cuts.map(\.name) == ["conv1", "relu1", "conv2", "add", "pool", "flatten", "fc", "softmax"])
        #expect(
            cuts.map(\.crossing) == [["c1"], ["r1"], ["r1", "c2"], ["sum"], ["p"], ["f"], ["logits"], ["prob"]])
        #expect(cuts.map(\.isArticulation) == [true, true, false, true, true, true, true, true])
    }

    @Test("Cuts before an activation, a renaming or a softmax are not candidates")
    func assessable() throws {
        #expect(try residualGraph().assessableCuts.map(\.name) == ["relu1", "add", "flatten"])
    }

    @Test("A cut that exposes the input is marked as such and cannot end a FrontNet")
    func exposedInput() throws {
        let type = TensorType(.float32, try Shape([1, 4]))
        let graph = try Graph(
            name: "skip", inputs: [Value(name: "x", type: type)], outputs: ["y"],
            nodes: [
                Node(name: "a", operation: .activation(Activation(.relu)), inputs: ["x"], outputs: ["r"]),
                Node(name: "b", operation: .arithmetic(Arithmetic(.add)), inputs: ["r", "x"], outputs: ["y"]),
            ], constants: [:])
        let cuts = graph.cuts
        #expect(cuts[0].exposesInput && !cuts[1].exposesInput)
        #expect(throws: GraphError.self) { try graph.partitioned(front: cuts[0], mapping: cuts[1]) }
    }

    @Test("An unknown cut is refused with the most similar names")
    func unknown() throws {
        let graph = try residualGraph()
        do throws(GraphError) {
            _ = try graph.cut(named: "Conv")
            Issue.record("a cut that does not exist was found")
        } catch { #expect(error.code == .invalidCut && error.message.contains("conv1")) }
    }

    @Test("Every pair of cuts gives three matching graphs or a specific error")
    func allPartitions() throws {
        let graph = try residualGraph()
        let cuts = graph.cuts
        for (front, frontCut) in cuts.enumerated() {
            for (mapping, mappingCut) in cuts.enumerated() {
                guard front <= mapping else {
                    #expect(throws: GraphError.self) { try graph.partitioned(front: frontCut, mapping: mappingCut) }
                    continue
                }
                let partition = try graph.partitioned(front: frontCut, mapping: mappingCut)
                #expect((partition.back == nil) == (front == mapping))
                #expect(
                    partition.front.nodes.count + (partition.back?.nodes.count ?? 0) + partition.mapping.nodes.count
                        == graph.nodes.count)
                #expect(partition.back.map { $0.inputs == partition.backInputs } ?? partition.backInputs.isEmpty)
                #expect(partition.mapping.inputs == partition.backOutputs + partition.retained)
                #expect(
                    partition.front.outputs
                        == (partition.backInputs + partition.retained.filter { !partition.backInputs.contains($0) })
                        .map(\.name))
            }
        }
    }

    @Test("A value that both BackNet and mapping unit need is passed to both")
    func retained() throws {
        let graph = try residualGraph()
        let partition = try graph.partitioned(
            front: try graph.cut(named: "relu1"), mapping: try graph.cut(named: "conv2"))
        #expect(partition.backInputs.map(\.name) == ["r1"])
        #expect(partition.retained.map(\.name) == ["r1"])
        #expect(partition.backOutputs.map(\.name) == ["c2"])
    }
}
