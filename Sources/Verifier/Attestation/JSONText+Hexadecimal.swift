// SPDX-License-Identifier: Apache-2.0
import Evidence
import StrictJSON

extension JSONText {
    /// - Parameter count: The number of bytes that the text must give; any number if `nil`.
    func hex(_ count: Int? = nil) throws(JSONFault) -> [UInt8] {
        guard let bytes = [UInt8](hex: try string()), count == nil || bytes.count == count else {
            throw JSONFault("\(name) is not hexadecimal" + (count.map { " of \($0) bytes" } ?? ""))
        }
        return bytes
    }
}
