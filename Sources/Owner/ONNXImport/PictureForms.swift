// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

extension GraphImporter {
    /// Makes the only input an image of floats with channels first, and adds the conversion to the file's form.
    mutating func pictureInputs(_ declared: [Value]) throws(ONNXImportError) -> [Value] {
        guard settings.isClassifier, declared.count == 1 else { return declared }
        let input = declared[0]
        let takesPixels = input.type.element != .float32
        // An input of rank 2 is either one image without batch and channels, or rows of flattened images. Given four
        // extents, it is rows.
        let isSaidToBeRows = input.type.shape.rank == 2 && givenShape(of: input)?.count == 4
        var form = isSaidToBeRows ? nil : PictureInput(input.type.shape, takesPixels: takesPixels)
        if form == nil { form = try flattened(input, takesPixels: takesPixels) }
        guard let picture = form else { return declared }
        self.picture = picture
        let type = TensorType(.float32, try picture.shape())
        types[input.name] = type
        if takesPixels { integers.insert(input.name) }
        let graphInput = Value(name: input.name, type: type)
        guard !picture.isPlain else { return [graphInput] }
        notes.append("Input '\(input.name)' is \(input.type.shape) in the file, and \(type.shape) here.")
        if picture.unfolded != nil { return try unfoldedInput(graphInput, picture) }
        var value = input.name
        if picture.permutation != Array(picture.permutation.indices) {
            // All four axes are transposed; missing axes have an extent of 1 and come first.
            let order = picture.missing + picture.axes
            let name = valueNames.make("\(input.name)_turned")
            try emit(
                .transpose(Transpose(order)), [value], name: nodeNames.make("\(input.name)_layout"), output: name)
            turned[name] = TurnedValue(base: value, permutation: order)
            value = name
        }
        if !picture.missing.isEmpty {
            let name = valueNames.make("\(input.name)_squeezed")
            let axes =
                value == input.name ? picture.missing : Array(picture.missing.indices)
            try emit(
                .squeeze(Squeeze(axes: axes)), [value], name: nodeNames.make("\(input.name)_axes"), output: name)
            value = name
        }
        aliases[input.name] = value
        if takesPixels { integers.insert(value) }
        return [graphInput]
    }

    private func givenShape(of input: Value) -> [Int]? { settings.inputShapes[input.name] ?? settings.inputShape }

    /// The least number of elements of a flattened image.
    private static let leastFlattened = 64

    /// The image whose axes an input of rows has flattened: of the shape that the user gives, of the preprocessing's
    /// size, or grey and square.
    private func flattened(_ input: Value, takesPixels: Bool) throws(ONNXImportError) -> PictureInput? {
        guard input.type.shape.rank == 2, input.type.shape[1] >= Self.leastFlattened else { return nil }
        let side = Int(Double(input.type.shape[1]).squareRoot().rounded())
        var forms = [[1, side, side]]
        if let size = settings.pictureSize { forms.insert([size.channels, size.height, size.width], at: 0) }
        if let given = givenShape(of: input), given.count == 4 {
            forms.insert(Array(given.dropFirst()), at: 0)
        }
        for form in forms {
            if let picture = try PictureInput(input.type.shape, takesPixels: takesPixels, flattened: form) {
                return picture
            }
        }
        return nil
    }

    /// Transposes the image to the order of axes in the file, and flattens it.
    private mutating func unfoldedInput(_ input: Value, _ picture: PictureInput) throws(ONNXImportError) -> [Value] {
        var value = input.name
        if picture.permutation != Array(picture.permutation.indices) {
            let name = valueNames.make("\(input.name)_turned")
            try append(
                .transpose(Transpose(picture.axes)), [value], name: nodeNames.make("\(input.name)_layout"), output: name
            )
            value = name
        }
        let name = valueNames.make("\(input.name)_flat")
        try append(.flatten(Flatten()), [value], name: nodeNames.make("\(input.name)_axes"), output: name)
        aliases[input.name] = name
        if picture.takesPixels { integers.insert(name) }
        return [input]
    }
}
