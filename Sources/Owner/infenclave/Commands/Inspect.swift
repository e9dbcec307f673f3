// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import AssessmentReport
import Imaging
import ModelGraph
import ONNXNames
import PlainText
import Tensors

struct Inspect: Command {
    static let configuration = CommandConfiguration(
        abstract: "Print a model's layers and the boundary tensors of each possible cut, or the engine's plan.")

    @OptionGroup var source: ModelArguments
    @OptionGroup var preprocess: PreprocessArguments
    @OptionGroup var engine: EngineArguments
    @Flag(help: "Print the engine's plan instead: fused nodes, chosen code, time of each step.")
    var plan = false
    @Option(help: ArgumentHelp("Write this picture, preprocessed for the network, to --out.", valueName: "file"))
    var picture: String?
    @Option(help: ArgumentHelp("The file for --picture, a .png file.", valueName: "file")) var out: String?
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard (picture == nil) == (out == nil) else { throw ValidationError("--picture FILE goes with --out FILE.png") }
    }

    /// Prints the properties of the image after preprocessing.
    private func show(_ picture: String, _ model: LoadedModel) throws {
        let preprocessing = try preprocess.resolved(for: model)
        let seen = try Preprocessor(preprocessing).fitted(try Image(named: picture))
        try OutputFile.write(try seen.pngBytes(), to: out ?? "")
        print("wrote \(out ?? ""): \(seen.width)x\(seen.height), channels \(preprocessing.channels.rawValue)")
    }

    func execute() async throws {
        let model = try source.load(for: preprocess)
        if let picture { return try show(picture, model) }
        let graph = model.graph
        if plan {
            let threads = try engine.resolvedThreads()
            let description = try await onOwnThread { try PlanDescription(graph, threads: threads) }
            if json { try printJSON(description) } else { printLines(description.table) }
            return
        }
        let description = ModelDescription(graph, scores: model.scores)
        if json { return try printJSON(description) }
        printLines(description.table(of: graph))
        for note in model.notes { print("note: \(PlainText.line(note, maximumScalars: 2000))") }
    }
}

/// The output of `inspect`.
struct ModelDescription: Encodable {
    struct Layer: Encodable {
        let name, `operator`: String
        let outputShape: [Int]
        let parameters, multiplyAdds: Int
    }

    struct CrossingTensor: Encodable {
        let tensor: String
        let shape: [Int]
        let type: String
        let bytes: Int
    }

    struct CutDescription: Encodable {
        let name: String
        let crossing: [CrossingTensor]
        /// Whether the cut can end a FrontNet: the input itself does not cross.
        let usable: Bool
        let parametersInside, multiplyAddsInside: Int
    }

    struct Port: Encodable {
        let name: String
        let shape: [Int]
        let type: String
    }

    let layers: [Layer]
    let cuts: [CutDescription]
    let inputs, outputs: [Port]
    /// What the output is.
    let scores: ScoreKind
    let parameters, multiplyAdds: Int

    init(_ graph: Graph, scores: ScoreKind) {
        self.scores = scores
        let (parameters, multiplyAdds) = (graph.parametersByNode, graph.multiplyAddsByNode)
        layers = graph.nodes.indices.map { index in
            let node = graph.nodes[index]
            return Layer(
                name: node.name, operator: node.operation.onnxName,
                outputShape: graph.type(of: node.outputs[0]).shape.dimensions, parameters: parameters[index],
                multiplyAdds: multiplyAdds[index])
        }
        var (parametersInside, multiplyAddsInside) = (0, 0)
        cuts = zip(graph.cuts, zip(parameters, multiplyAdds)).map { cut, cost in
            parametersInside += cost.0
            multiplyAddsInside += cost.1
            let crossing = cut.crossing.map { name in
                let type = graph.type(of: name)
                return CrossingTensor(
                    tensor: name, shape: type.shape.dimensions, type: type.element.description, bytes: type.byteCount)
            }
            return CutDescription(
                name: cut.name, crossing: crossing, usable: !cut.exposesInput, parametersInside: parametersInside,
                multiplyAddsInside: multiplyAddsInside)
        }
        func port(_ name: String) -> Port {
            let type = graph.type(of: name)
            return Port(name: name, shape: type.shape.dimensions, type: type.element.description)
        }
        inputs = graph.inputs.map { port($0.name) }
        outputs = graph.outputs.map(port)
        self.parameters = graph.parameters
        self.multiplyAdds = multiplyAdds.reduce(0, +)
    }

    func table(of graph: Graph) -> String {
        var rows = [["layer", "operator", "output", "parameters", "multiply-adds", "crosses after it"]]
        for (layer, cut) in zip(layers, cuts) {
            let crossing = cut.crossing.map { "\($0.tensor) (\(formatted(bytes: $0.bytes)))" }.joined(separator: ", ")
            rows.append([
                layer.name, layer.operator, layer.outputShape.map(String.init).joined(separator: "x"),
                layer.parameters == 0 ? "" : formatted(count: layer.parameters),
                layer.multiplyAdds == 0 ? "" : formatted(count: layer.multiplyAdds),
                (cut.usable ? "" : "[the input] ") + crossing,
            ])
        }
        var lines = [TextTable(rows: rows, rightAligned: [3, 4]).description]
        for (title, ports) in [("input", inputs), ("output", outputs)] {
            for port in ports {
                lines.append(
                    "\(title) \(PlainText.line(port.name, maximumScalars: TextTable.maximumScalars)): \(port.type) \(port.shape.map(String.init).joined(separator: "x"))"
                )
            }
        }
        lines.append("scores: \(scores.summary)")
        lines.append("\(formatted(count: parameters)) parameters, \(formatted(count: multiplyAdds)) multiply-adds")
        return lines.joined(separator: "\n")
    }
}
