/// Something that is expensive to make, made when it is first needed. Belongs to one thread.
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
