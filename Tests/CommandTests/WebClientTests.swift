// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

/// `Clients/web` in headless Chromium; skipped where there is no Chromium or no Python 3.
@Suite(
    "The browser client", .serialized, .enabled(if: Chromium.path != nil, "no chromium or python3 in PATH: skipped"))
struct WebClientTests {
    @Test("The browser client's preprocessing and formats agree with the test vectors", .timeLimit(.minutes(60)))
    func units() throws {
        let said = try Chromium.check(["units"])
        #expect(said.contains("vectors of pictures and formats agree"), "\(said)")
    }

    @Test(
        "A page classifies with a real enclave, refuses altered data, and contacts only this machine",
        .timeLimit(.minutes(60)))
    func server() throws {
        let said = try Chromium.check(["server", Program.products + "/infenclave"])
        #expect(said.contains("no request left this machine"), "\(said)")
    }

    @Test(
        "The proxy's console shows the peer, a picture's classes and what the host sees, and loads nothing external",
        .timeLimit(.minutes(60)))
    func console() throws {
        let said = try Chromium.check(["console", Program.products + "/infenclave"])
        #expect(said.contains("the console shows what it has to"), "\(said)")
    }
}
