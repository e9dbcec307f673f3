// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Evidence
import Foundation
import Glibc
import InfenclaveClient
import Testing

@Suite("Collateral for live servers")
struct CollateralTests {
    /// A client, and the server that it talks to, which lives as long.
    private struct Connected {
        let client: InfenclaveClient
        let server: AnsweringServer
    }

    private func client<Fixture: EvidenceFixture>(
        _ server: AnsweringServer, _ peer: PeerFixture<Fixture>, _ sources: CollateralSources
    ) throws -> Connected {
        Connected(
            client: try InfenclaveClient(
                server: server.url, policy: Policy(members: peer.policy), collateral: sources,
                roots: peer.evidence.roots()), server: server)
    }

    /// The end of an attestation. A fixture's manifest is not that of a bundle, so a session ends directly after the
    /// verdict.
    private func outcome(
        _ connected: Connected, seenBefore: [String: CollateralRecord] = [:]
    ) async -> (code: ClientError.Code?, reasons: [ReasonCode], message: String) {
        defer { withExtendedLifetime(connected) {} }
        do {
            _ = try await connected.client.attest(at: Period.now, seenBefore: seenBefore)
            return (nil, [], "")
        } catch let error as ClientError {
            return (error.code, error.verdict?.failures.map(\.code) ?? [], error.message)
        } catch {
            return (nil, [], "\(error)")
        }
    }

    /// An accepted peer: the failure is about the manifest, which comes after.
    private func expectAccepted(
        _ found: (code: ClientError.Code?, reasons: [ReasonCode], message: String),
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(found.reasons == [], "\(found.message)", sourceLocation: sourceLocation)
        #expect(found.code == .invalidResponse, "\(found.message)", sourceLocation: sourceLocation)
        #expect(found.message.contains("attested manifest"), "\(found.message)", sourceLocation: sourceLocation)
    }

    @Test("A live SGX or TDX server is accepted with collateral from files, and refused without")
    func files() async throws {
        for fixture in [IntelFixture.sgx(), IntelFixture.tdx(), .tdx(version: 5, is15: true)] {
            let peer = PeerFixture(fixture)
            let server = try evidenceServer(peer)
            let files = try fixture.collateral()
            expectAccepted(await outcome(try client(server, peer, CollateralSources(files: files))))
            let without = await outcome(try client(server, peer, CollateralSources()))
            #expect(without.reasons == [.collateralMissing])
        }
    }

    @Test("A live SNP server is accepted with its chip's certificate, and a Nitro server without collateral")
    func others() async throws {
        let snp = PeerFixture(SNPFixture())
        let files = try snp.evidence.collateral()
        expectAccepted(await outcome(try client(evidenceServer(snp), snp, CollateralSources(files: files))))
        let nitro = PeerFixture(NitroFixture())
        expectAccepted(await outcome(try client(evidenceServer(nitro), nitro, CollateralSources())))
    }

    @Test("The cache is asked for the collateral of the quote's platform", arguments: [false, true])
    func cache(hexadecimalLists: Bool) async throws {
        for fixture in [IntelFixture.sgx(), IntelFixture.tdx()] {
            let peer = PeerFixture(fixture)
            let server = try evidenceServer(peer)
            let cache = try collateralCache(fixture, hexadecimalLists: hexadecimalLists)
            for suffix in ["", "/", "/sgx/certification/v4/"] {
                let sources = CollateralSources(cache: try CollateralCache(url: cache.url + suffix))
                expectAccepted(await outcome(try client(server, peer, sources)))
            }
            #expect(cache.paths.count == 12)
        }
    }

    @Test("A quote that hides its platform is refused before the cache is asked")
    func hiddenPlatform() async throws {
        for fixture in [IntelFixture.sgx(), IntelFixture.tdx()] {
            let peer = PeerFixture(fixture.with { $0.certificationKind = 1 })
            let cache = try collateralCache(fixture)
            let sources = CollateralSources(cache: try CollateralCache(url: cache.url))
            let found = await outcome(try client(evidenceServer(peer), peer, sources))
            #expect(found.code == .invalidResponse)
            #expect(found.message.contains("which platform"), "\(found.message)")
            #expect(cache.paths.isEmpty)
        }
    }

    @Test("A cache address with a password is refused, and the password is not printed")
    func password() throws {
        let error = #expect(throws: ClientError.self) { try CollateralCache(url: "http://user:secret@127.0.0.1:1") }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains("secret") == false)
    }

    @Test("Collateral files take precedence over a cache")
    func precedence() async throws {
        let fixture = IntelFixture.tdx()
        let peer = PeerFixture(fixture)
        let revoked = fixture.with { $0.pckList.serials = [0x1234] }
        let list = try #require(try revoked.collateral()[.pckCRL])
        let cache = try collateralCache(fixture)
        let sources = CollateralSources(files: [.pckCRL: list], cache: try CollateralCache(url: cache.url))
        #expect(await outcome(try client(evidenceServer(peer), peer, sources)).reasons == [.pckRevoked])
    }

    @Test("A cache that omits data, or sends no chain, too much or invalid data is refused by name")
    func brokenCaches() async throws {
        let fixture = IntelFixture.sgx()
        let peer = PeerFixture(fixture)
        let server = try evidenceServer(peer)
        func outcome(_ cache: AnsweringServer) async throws -> ClientError.Code? {
            let sources = CollateralSources(cache: try CollateralCache(url: cache.url))
            let found = await self.outcome(try client(server, peer, sources))
            #expect(found.message.contains("collateral cache"), "\(found.message)")
            return found.code
        }
        #expect(try await outcome(AnsweringServer { _ in nil }) == .invalidResponse)
        #expect(try await outcome(collateralCache(fixture) { $1.headers = [:] }) == .invalidResponse)
        #expect(try await outcome(collateralCache(fixture) { $1.body = [] }) == .invalidResponse)
        let long = try collateralCache(fixture) { $1.body = [UInt8](repeating: 0x20, count: (2 << 20) + 1) }
        #expect(try await outcome(long) == .invalidResponse)
        let redirect = try collateralCache(fixture) {
            $1.status = 307
            $1.headers["Location"] = "http://127.0.0.1:1/"
        }
        #expect(try await outcome(redirect) == .invalidResponse)
        // What is well-formed HTTP and not Intel's is for the appraiser to refuse.
        let nonsense = try collateralCache(fixture) { if $0.contains("rootcacrl") { $1.body = Array("0123".utf8) } }
        let sources = CollateralSources(cache: try CollateralCache(url: nonsense.url))
        #expect(await self.outcome(try client(server, peer, sources)).reasons == [.crlInvalid])
        #expect(throws: ClientError.self) { try CollateralCache(url: "ftp://127.0.0.1") }
        let nobody = CollateralSources(cache: try CollateralCache(url: "http://127.0.0.1:9"))
        #expect(await self.outcome(try client(server, peer, nobody)).code == .unreachable)
    }

    @Test("A cache that sends bytes too slowly is abandoned at the deadline", .timeLimit(.minutes(60)))
    func drippingCache() async throws {
        let (listener, port) = try Loopback.listen()
        Thread.detachNewThread {
            let client = Loopback.accept(listener)
            _ = Loopback.receive(client)
            _ = Loopback.send(Array("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n".utf8), to: client)
            // Ends when the client does.
            while Loopback.send([0x20], to: client) { usleep(50_000) }
            close(client)
        }
        defer { shutdown(listener, Int32(SHUT_RDWR)) }
        let fixture = IntelFixture.sgx()
        let peer = PeerFixture(fixture)
        let sources = CollateralSources(
            cache: try CollateralCache(url: "http://127.0.0.1:\(port)", deadline: .seconds(1)))
        let start = ContinuousClock.now
        let found = await outcome(try client(evidenceServer(peer), peer, sources))
        #expect(found.code == .timedOut)
        #expect(found.message.contains("in time"), "\(found.message)")
        // All bytes would take over an hour. A machine that runs other tests too is slower.
        #expect(ContinuousClock.now - start < .seconds(1800))
    }

    @Test("Nothing is fetched for a server whose TEE the policy does not name")
    func otherTEE() async throws {
        let fixture = IntelFixture.tdx()
        var peer = PeerFixture(fixture)
        let server = try evidenceServer(peer)
        let cache = try collateralCache(fixture)
        peer.evidence = .sgx()
        let sources = CollateralSources(cache: try CollateralCache(url: cache.url))
        #expect(await outcome(try client(server, peer, sources)).reasons == [.wrongTEE])
        #expect(cache.paths.isEmpty)
    }

    @Test("A client with a history refuses collateral older than collateral seen before")
    func rolledBack() async throws {
        let fixture = IntelFixture.tdx()
        let peer = PeerFixture(fixture)
        let client = try client(evidenceServer(peer), peer, CollateralSources(files: fixture.collateral()))
        let seen = CollateralRecord(date: Period.current.start)
        #expect(
            await outcome(client, seenBefore: ["root_ca_crl": seen.later(bySeconds: 1)]).reasons == [
                .collateralRolledBack
            ])
        expectAccepted(await outcome(client, seenBefore: ["root_ca_crl": seen]))
    }
}
