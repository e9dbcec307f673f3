// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

extension GraphImporter {
    /// Makes the only input an image of floats with channels first, and adds the conversion to the file's form.
    mutating func pictureInputs(_ declared: [Value]) throws(ONNXImportError) -> [Value] {
        guard settings.isClassifier, declared.count == 1 else { return declared }
        let input = declared[0]
        let takesPixels = input.type.element != .float32
        guard let picture = PictureInput(input.type.shape, takesPixels: takesPixels) else { return declared }
        self.picture = picture
        let type = TensorType(.float32, try picture.shape())
        types[input.name] = type
        if takesPixels { integers.insert(input.name) }
        let graphInput = Value(name: input.name, type: type)
        guard !picture.isPlain else { return [graphInput] }
        notes.append("Input '\(input.name)' is \(input.type.shape) in the file, and \(type.shape) here.")
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
}
