// SPDX-License-Identifier: Apache-2.0
/// A value that is expensive to compute, computed at its first use. Used by one thread.
final class Lazily<Value> {
    private let make: () throws(AssessmentError) -> Value
    private var made: Value?

    init(_ make: @escaping () throws(AssessmentError) -> Value) { self.make = make }

    func value() throws(AssessmentError) -> Value {
        if let made { return made }
        let value = try make()
        made = value
        return value
    }
}
