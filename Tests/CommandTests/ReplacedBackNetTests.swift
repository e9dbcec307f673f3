// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Testing

@Suite("A bundle that changes while it is served")
struct ReplacedBackNetTests {
    @Test(
        "An audit uses the BackNet that was opened, even if the file is replaced",
        arguments: ["a link to another bundle's", "16 GiB", "another bundle's", "nothing"])
    func audit(_ replacement: String) throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        let other = try Deployment(cuts: Cuts(front: "stage1.pool", mapping: "logits"), name: "other", in: folder)
        let server = try Server(deployment)
        let (path, others) = (deployment.bundle + "/backnet.graph", other.bundle + "/backnet.graph")
        try FileManager.default.removeItem(atPath: path)
        switch replacement {
        case "a link to another bundle's": try #require(symlink(others, path) == 0)
        case "another bundle's": try FileManager.default.copyItem(atPath: others, toPath: path)
        case "16 GiB":
            try #require(FileManager.default.createFile(atPath: path, contents: nil))
            try #require(truncate(path, 1 << 34) == 0)
        default: break
        }
        func provision() throws -> [String: Any]? {
            let outcome = try succeed(
                deployment.provisionArguments(server.url) + ["--audit", "100%", "--json"], in: folder)
            return (outcome.json as? [String: Any])?["audit"] as? [String: Any]
        }
        _ = try provision()
        let picture = Demo.clients[0]
        #expect(try deployment.classify(server.url, [picture.0]).first?.first?.name == picture.1)
        let found = try #require(try provision())
        #expect(found["audited"] as? Int == 1 && found["mismatches"] as? Int == 0, "\(found)")
    }
}
