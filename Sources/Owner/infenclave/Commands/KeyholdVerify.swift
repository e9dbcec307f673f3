// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import InfenclaveClient
import KeyRelease

struct KeyholdVerify: Command {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check the hash chain of a keyholder's log.")

    @Option(help: ArgumentHelp("The log. Default: keyhold.log in the user's state folder.", valueName: "file")) var log:
        String?
    @Option(
        help: ArgumentHelp(
            "The digest of a line, recorded elsewhere, that must still be in the log.",
            discussion: "The chain alone does not show that lines at the end are missing.", valueName: "digest"))
    var head: String?
    @Flag(help: "Print JSON.") var json = false

    func execute() async throws {
        let path = try log ?? StateFolder.file("keyhold.log")
        var isThere = head == nil
        var events: [String: Int] = [:]
        let result = try LogReader.read(path) { entry, digest in
            isThere = isThere || digest == head
            events[entry.event.rawValue, default: 0] += 1
        }
        guard isThere else {
            throw CommandFailure(
                "log",
                "\(path) has no line with the digest \(head ?? ""): lines at its end are missing, or it is another log",
                remedy: "keep this file as evidence")
        }
        guard json else {
            print("\(path) is whole: \(result.count) entries, the last has the digest \(result.head)")
            for (event, count) in events.sorted(by: { $0.key < $1.key }) { print("  \(event): \(count)") }
            if result.incompleteBytes > 0 {
                print("  a last line of \(result.incompleteBytes) bytes is incomplete: nothing was done on it")
            }
            return
        }
        struct Answer: Encodable {
            let entries: Int
            let head: String
            let incompleteBytes: Int
            let events: [String: Int]
        }
        try printJSON(
            Answer(entries: result.count, head: result.head, incompleteBytes: result.incompleteBytes, events: events))
    }
}
