import ModelGraph
import ONNXFormat
import Tensors

/// Decides the shapes of a model's inputs.
struct InputTypes {
    let settings: ONNXImportSettings
    private(set) var notes: [String] = []

    init(settings: ONNXImportSettings) { self.settings = settings }

    /// The input with every dimension known.
    ///
    /// - Throws: ``ONNXImportError``
    mutating func value(from info: ONNXValueInfoProto) throws(ONNXImportError) -> Value {
        let place = "input '\(info.name)'"
        guard info.hasType, info.type.hasTensorType else {
            throw ONNXImportError(.unsupported, "\(place) is no tensor")
        }
        let tensor = info.type.tensorType
        guard let element = ElementType(onnx: tensor.elemType) else {
            throw ONNXImportError(
                .unsupported,
                "\(place) is \(ONNXTensorProto.name(ofDataType: tensor.elemType)), only float32 networks are supported")
        }
        let declared = tensor.hasShape ? tensor.shape.dim.map(Self.extent) : nil
        let dimensions = try dimensions(of: info.name, declared: declared, place)
        do throws(TensorError) {
            return Value(name: info.name, type: TensorType(element, try Shape(dimensions)))
        } catch { throw ONNXImportError(.inputShape, "\(place): \(error.message)") }
    }

    /// The extent, or the name that stands for it.
    private enum Extent {
        case fixed(Int)
        case open(String)
    }

    private static func extent(_ dimension: ONNXTensorShapeProto.Dimension) -> Extent {
        switch dimension.value {
        // Old exporters write 0 for an open dimension.
        case .dimValue(let value) where value != 0: .fixed(Int(value))
        case .dimParam(let name) where !name.isEmpty: .open(name)
        default: .open("?")
        }
    }

    private mutating func dimensions(
        of name: String, declared: [Extent]?, _ place: String
    ) throws(ONNXImportError) -> [Int] {
        if let given = settings.inputShapes[name] {
            if let declared {
                let fits = zip(declared, given).enumerated().allSatisfy { axis, pair in
                    guard case .fixed(let extent) = pair.0 else { return true }
                    return extent == pair.1
                }
                guard fits, declared.count == given.count else {
                    throw ONNXImportError(
                        .inputShape, "\(place) is \(Self.text(declared)), the shape \(given) does not fit it")
                }
            }
            return given
        }
        guard let declared else {
            throw ONNXImportError(.inputShape, "\(place) has no shape in the model: give one")
        }
        var dimensions: [Int] = []
        for (axis, extent) in declared.enumerated() {
            switch extent {
            case .fixed(let value): dimensions.append(value)
            case .open(let symbol) where axis == 0:
                dimensions.append(settings.batch)
                notes.append("The batch '\(symbol)' of \(place) is taken as \(settings.batch).")
            case .open(let symbol):
                throw ONNXImportError(
                    .inputShape,
                    "\(place) is \(Self.text(declared)): only the batch may be open, give a shape that fixes '\(symbol)'"
                )
            }
        }
        return dimensions
    }

    private static func text(_ extents: [Extent]) -> String {
        extents.map { extent in
            switch extent {
            case .fixed(let value): String(value)
            case .open(let symbol): symbol
            }
        }.joined(separator: "x")
    }
}
