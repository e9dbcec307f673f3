// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// The declarations that users of the libraries can name. `scripts/api-check` compares the list with that of the last
/// release.
@Suite("The public interface")
struct PublicInterfaceTests {
    private static let products: Set = ["InfenclaveClient", "InfenclaveImaging", "InfenclaveC"]
    private static let list = packageRoot().appending(path: "Tests/PackageTests/public-interface.txt")

    /// Every declaration of the Swift targets that the products are built from, with the file that it is in.
    private static func declarations() throws -> [(module: String, file: String, PublicInterface.Declaration)] {
        let description = try describePackage()
        let reached = description.reached(from: products)
        var found: [(String, String, PublicInterface.Declaration)] = []
        for target in description.targets {
            guard reached.contains(target.name), let path = target.path, path.hasPrefix("Sources/") else { continue }
            let folder = packageRoot().appending(path: path)
            for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path) where name.hasSuffix(".swift")
            {
                let interface = PublicInterface(
                    of: try String(contentsOf: folder.appending(path: name), encoding: .utf8))
                #expect(interface.openBraces == 0, "\(path)/\(name) was misread")
                found += interface.declarations.map { (target.name, "\(path)/\(name)", $0) }
            }
        }
        return found
    }

    @Test("Every public declaration of the libraries has a documentation comment")
    func documented() throws {
        let declarations = try Self.declarations()
        #expect(declarations.count { $0.2.isMarked } > 500)
        for (_, file, declaration) in declarations where declaration.isMarked {
            #expect(declaration.isDocumented, "\(file):\(declaration.line): \(declaration.text)")
        }
    }

    @Test("The public interface equals the stored list, which is rewritten on request")
    func listed() throws {
        let text = Set(try Self.declarations().map { "\($0.module) · \($0.2.text)" }).sorted()
        if ProcessInfo.processInfo.environment["INFENCLAVE_WRITE_INTERFACE"] != nil {
            try Data((text.joined(separator: "\n") + "\n").utf8).write(to: Self.list)
        }
        let listed = try String(contentsOf: Self.list, encoding: .utf8).split(separator: "\n").map(String.init)
        let remedy = "see CONTRIBUTING.md, Public interface"
        #expect(Set(text).subtracting(listed).isEmpty, "new or changed; \(remedy)")
        #expect(Set(listed).subtracting(text).isEmpty, "gone or changed; \(remedy)")
        #expect(listed == listed.sorted() && Set(listed).count == listed.count)
    }

    @Test("Public declarations are recognised, whatever comments and strings contain")
    func scanner() {
        let interface = PublicInterface(
            of: #"""
                public import Tensors
                /// A type.
                public struct Outer: Sendable {
                    public let bare: Int
                    let hidden = "public var { no \(map { "}" }) one"  // public let comment: {
                    /// Documented.
                    @inlinable
                    public static let value: [String: Int] = [
                        "a": 1
                    ]
                    /// Several lines.
                    public func call<T>(
                        _ first: T, second: Int = 3
                    ) throws(Failure) -> T where T: Equatable {
                        public let local = 1
                    }
                    /// Inner.
                    public enum Inner {
                        case one, two(Int)
                        func inside() {}
                    }
                    enum Private { case three }
                    /// An alias.
                    public typealias Element = [Int]
                }
                /// A protocol.
                public protocol Shape {
                    func area() -> Double
                }
                extension Outer {
                    /// A property.
                    public internal(set) var last: Int? { nil }
                    package var own: Int { 0 }
                }
                """#)
        #expect(interface.openBraces == 0)
        #expect(
            interface.declarations.map(\.text) == [
                "public struct Outer: Sendable", "Outer · public let bare: Int",
                "Outer · public static let value: [String: Int]",
                "Outer · public func call<T>(_ first: T, second: Int = 3) throws(Failure) -> T where T: Equatable",
                "Outer · public enum Inner", "Outer · Inner · case one, two(Int)",
                "Outer · public typealias Element = [Int]", "public protocol Shape", "Shape · func area() -> Double",
                "Outer · public internal(set) var last: Int?",
            ])
        #expect(interface.declarations.filter { $0.isMarked && !$0.isDocumented }.map(\.line) == [4])
    }
}
