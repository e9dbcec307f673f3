// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// Everything that pages name has to exist: tests that are cited as proof, files, and options of commands.
@Suite("References in the documentation")
struct PagesTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The pages in English, by their path.
    private static func pages() throws -> [(path: String, text: String)] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: "Documentation").path)
            .filter { $0.hasSuffix(".md") }.map { "Documentation/\($0)" }
        return try (names.sorted() + ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"]).map {
            ($0, try String(contentsOf: root.appending(path: $0), encoding: .utf8))
        }
    }

    /// The text of a folder's files, without those that are built or no text.
    ///
    /// - Parameter left: The name of a file that is left out.
    private static func sources(
        _ folder: String, _ suffixes: Set<String>, except left: String? = nil
    ) throws -> String {
        let base = root.appending(path: folder)
        let names = try FileManager.default.subpathsOfDirectory(atPath: base.path)
        return names.filter { name in
            suffixes.contains(URL(filePath: name).pathExtension) && URL(filePath: name).lastPathComponent != left
                && [".build/", ".venv/", "node_modules/", "__pycache__/"].allSatisfy { !name.contains($0) }
        }.compactMap { try? String(contentsOf: base.appending(path: $0), encoding: .utf8) }.joined(separator: "\n")
    }

    @Test("Every sentence in quotation marks in the security pages is the title of a test")
    func testNames() throws {
        let tests = try Self.sources("Tests", ["swift"])
        let names = Set(tests.matches(of: /@(?:Test|Suite)\(\s*"([^"\\]*)"/).map { String($0.output.1) })
        #expect(names.count > 500)
        var quoted = 0
        for page in try Self.pages() where Self.securityPages.contains(page.path) {
            let prose = page.text.replacing(/(?s)```.*?```/, with: "").replacing(/`[^`\n]*`/, with: "")
                .replacing("\n", with: " ")
            for match in prose.matches(of: /"([A-Z][^"]{24,})"/) {
                quoted += 1
                #expect(names.contains(String(match.output.1)), "\(page.path): \"\(match.output.1)\"")
            }
        }
        #expect(quoted > 80)
    }

    private static let securityPages: Set = [
        "Documentation/threat-model.md", "Documentation/assurance-case.md", "Documentation/what-attestation-proves.md",
        "Documentation/attestation-checks.md", "Documentation/operating.md", "Documentation/deploying.md",
        "Documentation/clients.md", "Documentation/engines.md", "Documentation/images.md",
    ]

    @Test("Every relative link in the documentation leads to an existing file and heading")
    func links() throws {
        var count = 0
        for page in try Self.pages() {
            let folder = Self.root.appending(path: page.path).deletingLastPathComponent()
            for match in page.text.matches(of: /\]\(([^)\s]+)\)/) {
                let target = String(match.output.1)
                guard !target.contains("://") else { continue }
                count += 1
                let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
                let file =
                    parts[0].isEmpty ? Self.root.appending(path: page.path) : folder.appending(path: String(parts[0]))
                guard FileManager.default.fileExists(atPath: file.path) else {
                    Issue.record("\(page.path): \(target)")
                    continue
                }
                guard parts.count == 2, file.pathExtension == "md" else { continue }
                let text = try String(contentsOf: file, encoding: .utf8)
                #expect(Self.anchors(of: text).contains(String(parts[1])), "\(page.path): \(target)")
            }
        }
        #expect(count > 100)
    }

    /// The anchors of all headings, as GitHub makes them.
    private static func anchors(of page: String) -> Set<String> {
        Set(
            page.split(separator: "\n").filter { $0.hasPrefix("#") }.map { line in
                String(
                    line.drop { $0 == "#" || $0 == " " }.lowercased().compactMap { character -> Character? in
                        if character == " " { return "-" }
                        return character.isLetter || character.isNumber || "-_".contains(character) ? character : nil
                    })
            })
    }

    /// Options of any command.
    private static func knownOptions() throws -> Set<String> {
        let code = try sources("Sources", ["swift"])
        var options: Set<String> = ["help", "version", "generate-completion-script", "grpc"]
        // The parser makes an option of each property that it wraps.
        for match in code.matches(of: /@(?:Option|Flag)\b(?s:.){0,900}?\bvar\s+(?:\n\s*)?([a-zA-Z0-9]+)/) {
            options.insert(kebab(String(match.output.1)))
        }
        for match in code.matches(of: /"--([a-z][a-z0-9-]*)/) { options.insert(String(match.output.1)) }
        for match in code.matches(of: /\.customLong\("([a-z0-9-]+)"/) { options.insert(String(match.output.1)) }
        return options
    }

    @Test("Every option in code style in the documentation exists, except those of other programs")
    func optionsAlone() throws {
        let others: Set = [
            "backend", "confidential-compute-type", "darknet", "debug-mode", "disable-testable-imports", "filter",
            "ours",
            "overload", "short", "strict", "verify",
        ]
        let options = try Self.knownOptions()
        #expect(options.isDisjoint(with: others))
        var count = 0
        for page in try Self.pages() {
            let prose = page.text.replacing(/(?s)```.*?```/, with: "")
            for code in prose.matches(of: /`([^`\n]+)`/) {
                for option in code.output.1.matches(of: /(?:^|\s)--([a-z][a-z0-9-]*)/) {
                    count += 1
                    let name = String(option.output.1)
                    #expect(options.contains(name) || others.contains(name), "\(page.path): --\(name)")
                }
            }
        }
        #expect(count > 300)
    }

    @Test("Every option that a page gives to a command of infenclave exists")
    func options() throws {
        let options = try Self.knownOptions()
        var count = 0
        for page in try Self.pages() {
            let joined = page.text.replacing("\\\n", with: " ")
            for line in joined.split(separator: "\n") {
                for command in line.matches(of: /(?:^|[^.a-z-])infenclave(?:-enclave|-proxy|-grpc)? [a-z][^`|;&]*/) {
                    for option in command.output.matches(of: /\s--([a-z][a-z0-9-]*)/) {
                        count += 1
                        let name = String(option.output.1)
                        #expect(options.contains(name), "\(page.path): --\(name)")
                    }
                }
            }
        }
        #expect(count > 100)
    }

    @Test("Phrases that were replaced by plain ones are not used again")
    func replacedWords() throws {
        var texts = try Self.pages()
        texts.append(("Sources", try Self.sources("Sources", ["swift", "c", "h"])))
        // Titles and comments of tests. The list below is in this file, and formulas are no sentences.
        texts.append(("Tests", try Self.sources("Tests", ["swift", "c", "h"], except: "PagesTests.swift")))
        let others: Set = [
            "swift", "py", "md", "js", "css", "html", "sh", "toml", "yaml", "yml", "json", "service", "",
        ]
        for folder in ["Clients", "Examples", "scripts"] {
            texts.append((folder, try Self.sources(folder, others)))
        }
        for text in texts {
            // A phrase may be broken over lines, of comments too.
            let lines = text.text.split(separator: "\n").map { $0.drop { " /#*".contains($0) } }
            let bytes = Array(lines.joined(separator: " ").lowercased().utf8)
            for phrase in Self.replaced {
                #expect(!Self.contains(bytes, Array(phrase.utf8)), "\(text.path): '\(phrase)'")
            }
        }
        #expect(texts.count > 25)
        #expect(Self.contains(Array("own / null".utf8), Array("/ null".utf8)))
    }

    /// In lower case. House words for what has a standard name, and sentences that had to be read twice.
    private static let replaced = [
        "a basis for work, not a product", "another matter", "as an intruder", "as they are there", "at hand any more",
        "before believing anything", "begins to wait for", "between two looks", "careful…", "clock or sockets of",
        "does for a cache", "found among", "full-fledged", "goes for a newcomer", "goes out once more",
        "hang on the host", "has fallen silent", "hoard bytes", "holds up no other", "in the place of", "intel says",
        "is let go", "is no oracle", "is not spoken here", "is of the time", "judges no versions",
        "keep it from strangers", "kl finds", "known question", "knows no machine", "leads by it", "left backwards",
        "measured, not assumed away", "no clock of its own", "nobody else judges", "nobody vouches for",
        "of those whose null", "on networks that can be had", "on the way there", "others sign as you", "own / null",
        "own/null", "protects against nothing", "provision its digest", "rectifiers and maxima", "sent to anybody",
        "somebody else's affair", "stand a trained decoder", "starts itself anew", "struck off", "takes no other along",
        "the least deserving", "the oldest of 64", "the paper's channel kl with a null", "the way there and back",
        "to be had", "what had not ended", "what is needed and missing", "what passes by", "whatever carries them",
        "whatever is fast", "where that was due", "who is talked to", "who saw a list", "whoever owns this machine",
        "whom it serves is", "whose evidence is wanted",
    ]

    private static func contains(_ text: [UInt8], _ phrase: [UInt8]) -> Bool {
        guard let first = phrase.first, text.count >= phrase.count else { return false }
        return text.withUnsafeBufferPointer { text in
            for start in 0...text.count - phrase.count where text[start] == first {
                if text[start..<start + phrase.count].elementsEqual(phrase) { return true }
            }
            return false
        }
    }

    @Test("The README is short, and the numbers in the tables equal those in the sources")
    func numbers() throws {
        let readme = try String(contentsOf: Self.root.appending(path: "README.md"), encoding: .utf8)
        #expect(readme.split(separator: "\n", omittingEmptySubsequences: false).count <= 121)
        let rules = try String(contentsOf: Self.root.appending(path: "CONTRIBUTING.md"), encoding: .utf8)
        // The newcomer's run, measured once, is on both pages.
        #expect(readme.contains("takes 11 minutes") && rules.contains("| 10 min 48 s |"))
        #expect(readme.contains("the demo 42 seconds: [12 minutes") && rules.contains("both deployments | 42 s |"))
        #expect(rules.contains("took 12 min 6 s"))
        for number in Self.numbers {
            let page = try String(
                contentsOf: Self.root.appending(path: "Documentation/\(number.page).md"), encoding: .utf8)
            let source = try String(
                contentsOf: Self.root.appending(path: "Sources/\(number.file).swift"), encoding: .utf8)
            #expect(page.contains(number.quoted), "\(number.page): \(number.quoted)")
            #expect(source.contains(number.literal), "\(number.file): \(number.literal)")
        }
    }

    /// A page's words about a number, and where the number comes from. Who changes one has to change the other.
    private static let numbers: [(page: String, quoted: String, file: String, literal: String)] = [
        ("deploying", "at most 1461 days | `7d` |", terms, "defaultLeaseSeconds: UInt32 = 604_800"),
        ("deploying", "at most 1461 days | `7d` |", terms, "maximumLeaseSeconds: UInt32 = 126_230_400"),
        ("deploying", "requests of each client in the lease | 10,000 |", terms, "defaultRequests: UInt64 = 10_000"),
        (
            "deploying", "per minute, and the maximum burst | 1,200 |", terms,
            "defaultRequestsPerMinute: UInt32 = 1200"
        ),
        ("deploying", "at least one, at most 65,536.", provisioning, "maximumClients = 65_536"),
        ("deploying", "the enclave holds 64 at most | 64 |", "Owner/infenclave/Commands/Provision", "UInt32 = 64"),
        ("deploying", "| clients | `--listen` | `127.0.0.1:8080` |", serve, "\"127.0.0.1:8080\""),
        ("deploying", "or `none` | `127.0.0.1:9464` |", serve, "adminListen = \"127.0.0.1:9464\""),
        ("deploying", "`--connections-per-address` (256)", serve, "connectionsPerAddress = 256"),
        ("deploying", "`--maximum-waiting` (64)", serve, "maximumWaiting = 64"),
        ("deploying", "`--request-timeout` (60 s)", serve, "requestTimeout = 60.0"),
        ("deploying", "every 5 s (`--interval`)", "Owner/infenclave/Commands/KeyholdRun", "interval = 5.0"),
        ("deploying", "at most 64 MiB of requests and 8 MiB", limits, "requestMemory = 64 << 20"),
        ("deploying", "at most 64 MiB of requests and 8 MiB", limits, "provisioningMemory = 8 << 20"),
        ("deploying", "**Connections**: at most 1024", limits, "connections = 1024"),
        (
            "deploying", "20 of these a second with bursts of 40", "Untrusted/HostServer/Admission/EvidenceShares",
            "(perSecond: 20.0, burst: 40, atOnce: 8)"
        ),
        ("deploying", "after an hour or 100,000 requests", enclave, "requestsPerKey: Int = 100_000"),
        ("deploying", "| sealed part, at the enclave | 8 GiB |", enclave, "partBytes: Int = 1 << 33"),
        ("deploying", "2 to 1,048,576; 1024 bytes; 1000 |", parts, "maximumClasses = 1 << 20"),
        ("deploying", "2 to 1,048,576; 1024 bytes; 1000 |", parts, "maximumClassNameBytes = 1024"),
        ("deploying", "2 to 1,048,576; 1024 bytes; 1000 |", answer, "maximumClassCount = 1000"),
        ("architecture", "| 7 days; 1 second to 4 years |", terms, "defaultLeaseSeconds: UInt32 = 604_800"),
        ("architecture", "| 10,000; 1,200 |", terms, "defaultRequests: UInt64 = 10_000"),
        ("architecture", "| 10,000; 1,200 |", terms, "defaultRequestsPerMinute: UInt32 = 1200"),
        ("architecture", "computed or wait for the BackNet | 64 |", enclave, "requestsInFlight: Int = 64"),
        ("architecture", "under seal | 10 minutes |", "Trusted/EnclaveCore/Requests/Service", ".seconds(600)"),
        ("architecture", "| 1 hour; 100,000; 1 minute |", enclave, "keyLifetime: Duration = .seconds(3600)"),
        ("architecture", "| 1 hour; 100,000; 1 minute |", enclave, "keyGrace: Duration = .seconds(60)"),
        ("architecture", "| 65,536; 8 GiB; 16 MiB |", provisioning, "maximumClients = 65_536"),
        ("architecture", "| 65,536; 8 GiB; 16 MiB |", "Shared/Wire/FrameLimits", "maximumMessageBytes = 16 << 20"),
        ("threat-model", "**1,200 a minute** is 20 a second", terms, "defaultRequestsPerMinute: UInt32 = 1200"),
        ("threat-model", "10,000 requests in the lease and 1,200 a minute", terms, "defaultRequests: UInt64 = 10_000"),
        ("threat-model", "After 60 consecutive late checks", "Trusted/EnclaveCore/Watchdog", "tolerance = 60"),
        ("threat-model", "notices after 60 s and ends the process", "Trusted/EnclaveCore/Watchdog", "tolerance = 60"),
        ("threat-model", "ten seconds for headers, fifteen for a body", clock, "head: Duration = .seconds(10)"),
        ("threat-model", "fifteen for a body and one more for each 64 KiB", clock, "body: Duration = .seconds(15)"),
        ("threat-model", "one more for each 64 KiB that arrived", clock, "bodyBytesPerSecond = 64 << 10"),
        ("threat-model", "is closed after 15 s, and one more", clock, "unread: Duration = .seconds(15)"),
        ("threat-model", "one more for each 64 KiB that the client reads", clock, "readBytesPerSecond = 64 << 10"),
        ("clients", "512 REST connections", proxy + "RESTServer", "connections = 512"),
        ("clients", "A body or message has 45 s to arrive", proxy + "RESTServer", "bodyTime: Duration = .seconds(45)"),
        ("clients", "after 50 s", proxy + "RESTServer", "refusalTime: Duration = .seconds(5)"),
        ("clients", "is closed after 60 s", proxy + "RESTServer", "idleTime: Duration = .seconds(60)"),
        (
            "clients", "64 requests and 256 MiB", proxy + "RequestBudget",
            "maximumRequests: Int = 64, maximumBytes: Int = 256 << 20"
        ),
        ("clients", "is probed every 5 s", proxy + "UpstreamPool", "probePause: Duration = .seconds(5)"),
        ("clients", "N is 1 to 64.", proxy + "InputReader", "maximumBatch = 64"),
        ("clients", "have 10 s to end", "Verifier/ProxyCommand/ProxyRun", "shutdownTime: Duration = .seconds(10)"),
        ("operating", "After 6 s the enclave is ended", hostServer, "drainTime: Duration = .seconds(6)"),
        ("operating", "after 10 s the program ends", hostServer, "shutdownTime: Duration = .seconds(10)"),
        ("reading-a-report", "`--attacker-pictures`, 100,000", assessment, "attackerPictures = 100_000"),
    ]
    private static let clock = "Untrusted/HostServer/Connections/RequestClock"
    private static let proxy = "Verifier/InferenceProxy/"
    private static let hostServer = "Untrusted/HostServer/HostServer"
    private static let assessment = "Owner/infenclave/AssessmentArguments"
    private static let terms = "Secrets/SealedChannel/ServiceTerms"
    private static let provisioning = "Secrets/SealedChannel/ProvisioningMessage"
    private static let answer = "Secrets/SealedChannel/ClassificationAnswer"
    private static let serve = "Owner/infenclave/Commands/Serve"
    private static let limits = "Untrusted/HostServer/ServerLimits"
    private static let enclave = "Trusted/EnclaveCore/EnclaveLimits"
    private static let parts = "Shared/ModelGraph/EnclaveParts"

    private static func kebab(_ name: String) -> String {
        var text = ""
        var previous: Character = "A"
        for character in name {
            // A run of capitals is one word: minimumTCB.
            if character.isUppercase, !previous.isUppercase { text += "-" }
            text += character.lowercased()
            previous = character
        }
        return text
    }
}
