// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// `QuantizeLinear`: operands x (float32), scale (float32) and zero point (u8 or i8). Scale and zero point are single
/// values or have one value per index along `axis`. y = saturate(round(x / scale) + zero point), half to even.
package struct QuantizeLinear: Operator {
    package var axis: Int

    package init(axis: Int) { self.axis = axis }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try require(operands.count == 3, "takes 3 operands, found \(operands.count)")
        try requireFloats(Array(operands.prefix(2)), count: 2...2)
        let zeroPoint = operands[2]
        try require(zeroPoint.element == .uint8 || zeroPoint.element == .int8, "a zero point of \(zeroPoint)")
        try requireQuantization(operands[0].shape, operands[1].shape, zeroPoint.shape, axis)
        return [TensorType(zeroPoint.element, operands[0].shape)]
    }

    package func encode(into writer: inout ByteWriter) { writer.write(Int64(axis)) }
    package init(from reader: inout ByteReader) throws(TensorError) { axis = try reader.readInteger("axis") }
}

/// `DequantizeLinear`: operands x (u8, i8 or i32), scale (float32) and zero point of the type of x. Scale and zero
/// point are single values or have one value per index along `axis`. y = (x - zero point) * scale.
package struct DequantizeLinear: Operator {
    package var axis: Int

    package init(axis: Int) { self.axis = axis }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try require(operands.count == 3, "takes 3 operands, found \(operands.count)")
        try requireFloats([operands[1]], count: 1...1)
        let element = operands[0].element
        try require([.uint8, .int8, .int32].contains(element), "operates on u8, i8 or i32, found \(operands[0])")
        try require(operands[2].element == element, "a zero point of \(operands[2]) for values of \(element)")
        try requireQuantization(operands[0].shape, operands[1].shape, operands[2].shape, axis)
        return [TensorType(.float32, operands[0].shape)]
    }

    package func encode(into writer: inout ByteWriter) { writer.write(Int64(axis)) }
    package init(from reader: inout ByteReader) throws(TensorError) { axis = try reader.readInteger("axis") }
}

private func requireQuantization(_ x: Shape, _ scale: Shape, _ zeroPoint: Shape, _ axis: Int) throws(GraphError) {
    try require(scale == zeroPoint, "scale \(scale) and zero point \(zeroPoint) differ in shape")
    guard scale.elementCount != 1 else { return }
    let axis = try resolve(axis: axis, rank: x.rank)
    try require(scale.dimensions == [x[axis]], "scale \(scale) does not fit axis \(axis) of \(x)")
}
