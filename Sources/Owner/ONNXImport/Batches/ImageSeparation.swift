// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// Where the images of a batch are in a value: position p of `axis` belongs to image (p / inner) % batch.
struct ImagePlace: Hashable {
    let axis: Int
    /// The number of adjacent positions that belong to one image.
    let inner: Int
}

/// Why a layer's result for one image is not known to be independent of the other images.
struct MixedImages: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}

/// Makes a graph for another number of images from one whose file fixes the batch size.
///
/// The images are followed through the graph. For each node, a rule proves that the part of its result for an image is
/// computed from the parts of its operands for the same image, and by the same function for every image. A node for
/// which no rule proves this is refused.
struct ImageSeparation {
    let graph: Graph
    /// The batch size that the file fixes, at least 2.
    let batch: Int
    /// The batch size of the result.
    let images: Int
    /// Places of the images; a value without one is the same for every image.
    private var places: [String: ImagePlace] = [:]
    private var constants: [String: Tensor]
    private var nodes: [Node] = []
    private var makers: [String: Node] = [:]
    /// Constants, and values computed from constants, that hold the same once for each image of the result.
    private var parts: [PartKey: String] = [:]
    private var names: UniqueNames

    /// Limit of the nodes that are repeated one after another.
    private static let maximumDepth = 32

    private struct PartKey: Hashable {
        let name: String
        let place: ImagePlace
        let copies: Int
    }

    /// The graph for batches of `images`.
    ///
    /// - Parameter graph: Its inputs are `[batch, …]`, and `batch` is at least 2.
    /// - Throws: ``ONNXImportError`` with code `inputShape` that names the node.
    static func graph(_ graph: Graph, for images: Int) throws(ONNXImportError) -> Graph {
        var separation = ImageSeparation(graph, images)
        return try separation.separated()
    }

    private init(_ graph: Graph, _ images: Int) {
        self.graph = graph
        self.images = images
        batch = graph.inputs[0].type.shape[0]
        constants = graph.constants
        names = UniqueNames(reserving: Array(graph.types.keys) + graph.nodes.map(\.name))
    }

    private mutating func separated() throws(ONNXImportError) -> Graph {
        for input in graph.inputs { places[input.name] = ImagePlace(axis: 0, inner: 1) }
        for node in graph.nodes {
            do throws(MixedImages) { try add(node) } catch {
                throw refused("node '\(node.name)' (\(node.operation.label)) \(error.reason)")
            }
        }
        for output in graph.outputs {
            guard places[output] == ImagePlace(axis: 0, inner: 1), graph.type(of: output).shape[0] == batch else {
                throw refused("output '\(output)' does not have one row for each image")
            }
        }
        do throws(GraphError) {
            var inputs: [Value] = []
            for input in graph.inputs {
                inputs.append(Value(name: input.name, type: try type(of: input.name)))
            }
            let result = try Graph(
                name: graph.name, inputs: inputs, outputs: graph.outputs, nodes: needed, constants: constants)
            for (name, found) in result.types where graph.types[name] != nil && graph.constants[name] == nil {
                guard found == (try type(of: name)) else {
                    throw GraphError(.invalidGraph, "value '\(name)' is \(found) for other images")
                }
            }
            return result
        } catch { throw refused(error.message) }
    }

    /// The nodes without those that were repeated for one image and are not used any more.
    private var needed: [Node] {
        var used = Set(graph.outputs)
        var result: [Node] = []
        for node in nodes.reversed() where node.outputs.contains(where: used.contains) {
            used.formUnion(node.inputs)
            result.append(node)
        }
        return result.reversed()
    }

    private func refused(_ reason: String) -> ONNXImportError {
        let input = graph.inputs[0].name
        return ONNXImportError(
            .inputShape,
            "\(reason). Input '\(input)' fixes a batch of \(batch), and one image at a time could get another result: "
                + "export the model with a batch of 1, or an open one (torch.onnx.export with dynamic_axes={'\(input)': {0: "
                + "'batch'}}, and here --shape if more is open)")
    }

    /// The type of a value for the number of images of the result.
    private func type(of name: String) throws(GraphError) -> TensorType {
        let type = graph.type(of: name)
        guard let place = places[name] else { return type }
        do throws(TensorError) {
            return TensorType(type.element, try Shape(extents(type.shape.dimensions, place, images)))
        } catch { throw GraphError(error) }
    }

    private func extents(_ extents: [Int], _ place: ImagePlace, _ images: Int) -> [Int] {
        var extents = extents
        extents[place.axis] = extents[place.axis] / batch * images
        return extents
    }

    private mutating func add(_ node: Node) throws(MixedImages) {
        for output in node.outputs { makers[output] = node }
        guard node.inputs.contains(where: { places[$0] != nil }) else { return nodes.append(node) }
        let rule = SeparableNode(node, graph, places, batch: batch, images: images)
        let result = try rule.separated()
        var inputs = node.inputs
        for part in result.parts {
            // A single row broadcasts, also for another number of images.
            let copies = part.broadcasts && part.place.inner == 1 ? 1 : images
            inputs[part.operand] = try self.part(of: inputs[part.operand], part.place, copies: copies)
        }
        for output in node.outputs {
            guard graph.type(of: output).shape[result.place.axis] % (batch * result.place.inner) == 0 else {
                throw MixedImages("has a result in which images cannot be told apart")
            }
            places[output] = result.place
        }
        nodes.append(Node(name: node.name, operation: result.operation, inputs: inputs, outputs: node.outputs))
    }

    /// The part for one image of a value that depends on no image, `copies` times.
    ///
    /// - Throws: ``MixedImages`` if the parts for different images differ, or are not known.
    private mutating func part(
        of name: String, _ place: ImagePlace, copies: Int, depth: Int = 0
    ) throws(MixedImages) -> String {
        let key = PartKey(name: name, place: place, copies: copies)
        if let made = parts[key] { return made }
        let extent = graph.type(of: name).shape[place.axis]
        // With one copy for a batch axis of several blocks, broadcasting would no longer align the blocks.
        guard extent % (batch * place.inner) == 0 else {
            throw MixedImages("combines the axis of the images with constant '\(name)' of another extent")
        }
        let copies = extent == batch * place.inner ? copies : images
        let made = names.make("\(name)_image")
        if let tensor = graph.constants[name] {
            constants[made] = try part(of: tensor, place, copies: copies, name)
        } else {
            try addPart(of: name, place, copies: copies, as: made, depth: depth + 1)
        }
        parts[key] = made
        return made
    }

    /// Repeats an element-wise node for the part of one image.
    private mutating func addPart(
        of name: String, _ place: ImagePlace, copies: Int, as made: String, depth: Int
    ) throws(MixedImages) {
        guard depth <= Self.maximumDepth, let maker = makers[name] else {
            throw MixedImages("uses '\(name)', which is not known for one image")
        }
        var inputs = maker.inputs
        switch maker.operation {
        case .activation, .identity, .arithmetic:
            let rank = graph.type(of: name).shape.rank
            for (index, input) in inputs.enumerated() {
                let shape = graph.type(of: input).shape
                let axis = place.axis - (rank - shape.rank)
                guard axis >= 0, shape[axis] > 1 else { continue }
                inputs[index] = try part(
                    of: input, ImagePlace(axis: axis, inner: place.inner), copies: copies, depth: depth)
            }
        case .quantizeLinear, .dequantizeLinear:
            guard graph.type(of: inputs[1]).shape.elementCount == 1 else { fallthrough }
            inputs[0] = try part(of: inputs[0], place, copies: copies, depth: depth)
        default: throw MixedImages("uses '\(name)', which is not known for one image")
        }
        nodes.append(
            Node(name: names.make("\(maker.name)_image"), operation: maker.operation, inputs: inputs, outputs: [made]))
    }

    /// The rows of a constant for one image, `copies` times.
    private func part(
        of tensor: Tensor, _ place: ImagePlace, copies: Int, _ name: String
    ) throws(MixedImages) -> Tensor {
        let shape = tensor.shape
        let block = shape.strides[place.axis] * place.inner * tensor.element.byteCount
        let type: TensorType
        do throws(TensorError) {
            type = TensorType(tensor.element, try Shape(extents(shape.dimensions, place, copies)))
        } catch { throw MixedImages("needs constant '\(name)' for one image: \(error.message)") }
        let count = tensor.byteCount / max(block * batch, 1)
        let isEqual = tensor.withBytes { bytes in
            (0..<count).allSatisfy { group in
                let start = group * batch * block
                let first = bytes[start..<start + block]
                return (1..<batch).allSatisfy { image in
                    first.elementsEqual(bytes[start + image * block..<start + (image + 1) * block])
                }
            }
        }
        guard isEqual else { throw MixedImages("has constant '\(name)', which differs for each image of the batch") }
        return tensor.withBytes { source in
            Tensor(type: type) { target in
                for group in 0..<count {
                    let start = group * batch * block
                    for copy in 0..<copies {
                        let position = (group * copies + copy) * block
                        target[position..<position + block].copyBytes(from: source[start..<start + block])
                    }
                }
            }
        }
    }
}
