// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ONNXFormat
import Tensors

/// Determines the shapes of a model's inputs.
struct InputTypes {
    let settings: ONNXImportSettings
    /// The shape that the user gave without a name, for the only input.
    let givenShape: [Int]?
    private(set) var notes: [String] = []

    init(settings: ONNXImportSettings, givenShape: [Int]? = nil) {
        self.settings = settings
        self.givenShape = givenShape
    }

    /// The input with every dimension known, of the graph type for the file's type.
    ///
    /// - Throws: ``ONNXImportError``.
    mutating func value(from info: ONNXValueInfoProto) throws(ONNXImportError) -> Value {
        let place = "input '\(info.name)'"
        guard info.hasType, info.type.hasTensorType else {
            throw ONNXImportError(.unsupported, "\(place) is no tensor")
        }
        let tensor = info.type.tensorType
        guard let element = ONNXElement(tensor.elemType) else {
            throw ONNXImportError(
                .unsupported,
                "\(place) is \(ONNXElement.name(tensor.elemType)), expected a picture of numbers: "
                    + "move what reads or decodes files out of the model")
        }
        let declared = tensor.hasShape ? tensor.shape.dim.map(Self.extent) : nil
        let dimensions = try dimensions(of: info.name, declared: declared, place)
        do throws(TensorError) {
            return Value(name: info.name, type: TensorType(element.element, try Shape(dimensions)))
        } catch { throw ONNXImportError(.inputShape, "\(place): \(error.message)") }
    }

    /// An extent, or the name of a dynamic one.
    private enum Extent {
        case fixed(Int)
        case open(String)

        var value: Int? { if case .fixed(let value) = self { value } else { nil } }
    }

    private static func extent(_ dimension: ONNXTensorShapeProto.Dimension) -> Extent {
        switch dimension.value {
        // Old exporters write 0, and TensorFlow's -1, for a dynamic dimension.
        case .dimValue(let value) where value > 0: .fixed(Int(value))
        case .dimValue(let value) where value < -1: .fixed(Int(value))
        case .dimParam(let name) where !name.isEmpty: .open(name)
        default: .open("?")
        }
    }

    private mutating func dimensions(
        of name: String, declared: [Extent]?, _ place: String
    ) throws(ONNXImportError) -> [Int] {
        if let given = settings.inputShapes[name] ?? givenShape {
            if let declared {
                // The input takes flattened images, and the given shape has their axes.
                if declared.count == 2, given.count == 4, declared[0].value == nil || declared[0].value == given[0],
                    let count = declared[1].value,
                    given.dropFirst().reduce(1, { $0.multipliedClamping(by: $1) }) == count
                {
                    return [given[0], count]
                }
                let fits = zip(declared, given).allSatisfy { $0.value == nil || $0.value == $1 }
                guard fits, declared.count == given.count else {
                    throw ONNXImportError(
                        .inputShape, "\(place) is \(Self.text(declared)), the shape \(given) does not fit it")
                }
            }
            return given
        }
        guard let declared else {
            if let shape = settings.tensorShape, !shape.isEmpty { return shape }
            throw ONNXImportError(.inputShape, "\(place) has no shape in the model: give one with --shape 1,3,224,224")
        }
        let sized = tensorExtents(declared) ?? pictureExtents(declared)
        var dimensions: [Int] = []
        for (axis, extent) in declared.enumerated() {
            switch extent {
            case .fixed(let value):
                dimensions.append(value)
            case .open(let symbol) where axis == 0 && !(sized.first.map { $0 != nil } ?? false):
                dimensions.append(settings.batch)
                notes.append("The batch '\(symbol)' of \(place) is taken as \(settings.batch).")
            case .open(let symbol):
                guard let value = axis < sized.count ? sized[axis] : nil else {
                    throw ONNXImportError(
                        .inputShape,
                        "\(place) is \(Self.text(declared)): only the batch may be open, give a shape that fixes "
                            + "'\(symbol)' with --shape \(Self.example(declared)), or a preprocess.json with width and height"
                    )
                }
                dimensions.append(value)
            }
        }
        return dimensions
    }

    /// The extents of the tensor that the model will be run on; `nil` for the batch.
    private func tensorExtents(_ declared: [Extent]) -> [Int?]? {
        guard let shape = settings.tensorShape, shape.count == declared.count, shape.allSatisfy({ $0 > 0 }) else {
            return nil
        }
        // Without a batch axis, [height, width, channels].
        let isBatched = declared.count != 3 || ![1, 3].contains(declared[2].value ?? 0)
        let start = isBatched ? 1 : 0
        guard zip(declared, shape).dropFirst(start).allSatisfy({ $0.value == nil || $0.value == $1 }) else {
            return nil
        }
        return shape.enumerated().map { $0.offset < start ? nil : $0.element }
    }

    /// The extents that the preprocessing determines; `nil` for other axes.
    private func pictureExtents(_ declared: [Extent]) -> [Int?] {
        guard let size = settings.pictureSize, declared.count == 4 else { return [] }
        let isLast = [1, 3].contains(declared[3].value ?? 0) && ![1, 3].contains(declared[1].value ?? 0)
        return isLast ? [nil, size.height, size.width, size.channels] : [nil, size.channels, size.height, size.width]
    }

    private static func example(_ extents: [Extent]) -> String {
        let isLast = extents.count == 4 && [1, 3].contains(extents[3].value ?? 0)
        let usual = extents.count == 4 ? (isLast ? [1, 224, 224, 3] : [1, 3, 224, 224]) : [3, 224, 224]
        return extents.indices.map { index in
            String(extents[index].value ?? (index < usual.count ? usual[index] : 1))
        }.joined(separator: ",")
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
