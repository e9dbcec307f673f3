// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation
import StrictJSON

/// `serve --config`: a JSON object whose members are the options of `serve` without their dashes, and `bundles`. Values
/// are strings, numbers, or lists of strings for repeatable options.
struct ServeConfiguration {
    private static let maximumBytes = 1 << 20
    /// The members whose changes need no restart.
    static let changeable: Set<String> = ["bundles", "replicas", "log-level"]

    private let path: String
    private let members: [String: JSONText]

    /// - Throws: ``CommandFailure``.
    init(_ path: String) throws {
        self.path = path
        let json = [UInt8](try InputFile.read(path, maximumBytes: Self.maximumBytes))
        do { members = try JSONText(json, name: "the configuration").object().members } catch {
            throw Self.failure(path, "\(error)")
        }
    }

    /// Converts the members into arguments of the command line, whose parser refuses unknown options and invalid
    /// values.
    ///
    /// - Throws: ``CommandFailure``.
    func settings() throws -> Serve {
        let arguments: [String]
        do { arguments = try options() + ["--"] + list("bundles") } catch { throw Self.failure(path, "\(error)") }
        do { return try Serve.parse(arguments) } catch {
            throw Self.failure(path, Serve.message(for: error).replacing(#/^Error: /#, with: ""))
        }
    }

    /// Members outside ``changeable`` whose value differs in the other configuration.
    func fixedMembers(otherThanIn other: ServeConfiguration) -> [String] {
        Set(members.keys).union(other.members.keys).subtracting(Self.changeable).filter {
            members[$0]?.bytes != other.members[$0]?.bytes
        }.sorted()
    }

    private func options() throws -> [String] {
        try members.keys.sorted().flatMap { name -> [String] in
            guard name != "bundles" else { return [] }
            guard name.wholeMatch(of: /[a-z]+(-[a-z]+)*/) != nil, !["config", "help", "version"].contains(name) else {
                throw JSONFault("the configuration has an unknown member '\(name)'")
            }
            return try list(name).map { "--\(name)=\($0)" }
        }
    }

    private func list(_ name: String) throws(JSONFault) -> [String] {
        guard let member = members[name] else { return [] }
        guard member.isArray else { return [try text(member)] }
        var texts: [String] = []
        for element in try member.array() { texts.append(try element.string()) }
        return texts
    }

    /// A string, or the text of a number.
    private func text(_ value: JSONText) throws(JSONFault) -> String {
        if value.bytes.first == UInt8(ascii: "\"") { return try value.string() }
        _ = try value.number()
        return String(decoding: value.bytes, as: UTF8.self)
    }

    private static func failure(_ path: String, _ message: String) -> CommandFailure {
        CommandFailure("configuration", "\(path): \(message)", remedy: "`infenclave serve --help` lists the options")
    }
}
