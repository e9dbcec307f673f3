// SPDX-License-Identifier: Apache-2.0
import EnclaveImage
import EnclavePlatform
import Evidence
import Foundation
import FrameStream
import Sandbox
import Testing

@Suite("The command line of an enclave image")
struct BootParametersTests {
    private func recipe(_ kind: ImageKind, _ transport: ImageTransport, processors: Int) throws -> ImageRecipe {
        try ImageRecipe(
            kind: kind, processors: processors, processorModel: kind == .snp ? "EPYC-v4" : nil, memoryMiB: 1024,
            transport: transport, guestSVN: nil)
    }

    @Test(
        "The enclave's first process accepts an image's command line with the parameters that VMMs append",
        arguments: [
            (ImageKind.nitro, ImageTransport.vsock, "vsock:3:9001"), (.snp, .vsock, "vsock:2:9001"),
            (.snp, .serial, "serial:infenclave.0"), (.tdx, .vsock, "vsock:2:9001"),
            (.tdx, .serial, "serial:infenclave.0"),
        ])
    func commandLine(_ kind: ImageKind, _ transport: ImageTransport, _ connect: String) throws {
        for processors in [1, 4] {
            let line = try recipe(kind, transport, processors: processors).commandLine
            for appended in ["", " initrd=initrd", " virtio_mmio.device=4K@0xd0000000:5 nomodules", "\n"] {
                let boot = try BootConfiguration(commandLine: Array((line + appended).utf8))
                #expect(boot.arguments == ["--tee", kind.rawValue, "--connect", connect])
                #expect(boot.heartbeat == (kind == .nitro ? VsockAddress(contextID: 3, port: 9000) : nil))
                // Without ACPI a machine cannot be turned off.
                #expect(boot.end == .reboot)
                guard case .serve(let tee, nil, _, nil, nil, nil, .available)? = EnclaveArguments(boot.arguments) else {
                    Issue.record("the executable refuses \(boot.arguments)")
                    continue
                }
                #expect(tee.rawValue == kind.rawValue)
            }
            #expect(throws: BootError.self) {
                try BootConfiguration(commandLine: Array((line + " infenclave.connect=vsock:2:1").utf8))
            }
        }
    }

    @Test("Workers and threads are on the measured command line, and values that the enclave refuses are refused")
    func counts() throws {
        let recipe = try recipe(2, 3)
        let boot = try BootConfiguration(commandLine: Array(recipe.commandLine.utf8))
        #expect(boot.arguments.suffix(4) == ["--workers", "2", "--threads", "3"])
        #expect(LaunchScript.text(recipe).contains("serve --enclave-at vsock:9001 --workers 2`"))
        #expect(try JSONDecoder().decode(ImageRecipe.self, from: Data(recipe.encoded())) == recipe)
        for (workers, threads) in [(0, 1), (1, 0), (1025, 1), (1, -1)] {
            #expect(throws: ImageError.self, "\(workers), \(threads)") { try self.recipe(workers, threads) }
        }
    }

    private func recipe(_ workers: Int, _ threads: Int) throws -> ImageRecipe {
        try ImageRecipe(
            kind: .nitro, processors: 4, processorModel: nil, memoryMiB: 1024, transport: .vsock, guestSVN: nil,
            workers: workers, threads: threads)
    }

    @Test("A TDX guest requests quotes from the service that the environment names")
    func quotes() throws {
        let recipe = try ImageRecipe(
            kind: .tdx, processors: 1, processorModel: nil, memoryMiB: 1024, transport: .serial, guestSVN: nil)
        let lines = LaunchScript.text(recipe).split(separator: "\n").map(String.init)
        let first = try #require(lines.firstIndex { $0.hasPrefix("QGS=") })
        let last = try #require(lines[first...].firstIndex { $0 == "esac" })
        let object = try #require(lines.first { $0.contains("tdx-guest") })
        func value(_ service: String?) throws -> [String: Any]? {
            let process = Process()
            process.executableURL = URL(filePath: "/bin/sh")
            let words = try #require(object.firstRange(of: "-object ")).upperBound
            let printed = "printf %s " + object[words...].trimmingCharacters(in: ["\\", " "])
            process.arguments = [
                "-euc", (["stop() { exit 1; }"] + lines[first...last] + [printed]).joined(separator: "\n"),
            ]
            process.environment = service.map { ["QGS": $0] } ?? [:]
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            let data = output.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            guard process.terminationStatus == 0 else { return nil }
            return try JSONSerialization.jsonObject(with: data) as? [String: Any]
        }
        let standard = try #require(try value(nil))
        #expect(standard["qom-type"] as? String == "tdx-guest" && standard["id"] as? String == "tee")
        #expect(
            standard["quote-generation-socket"] as? [String: String] == ["type": "vsock", "cid": "2", "port": "4050"])
        let other = try #require(try value("vsock:1:99")?["quote-generation-socket"] as? [String: String])
        #expect(other == ["type": "vsock", "cid": "1", "port": "99"])
        #expect(try value("/nonexistent/qgs.socket") == nil)
    }

    @Test(
        "A guest with several processors executes the host's ACPI code unless its kernel reads static tables only",
        arguments: [ImageKind.snp, .tdx])
    func tables(_ kind: ImageKind) throws {
        for (processors, hasTablesOnly, runs) in [
            (1, nil, false), (2, nil, true), (2, false, true), (2, true, false), (1, true, false),
        ] as [(Int, Bool?, Bool)] {
            let recipe = try ImageRecipe(
                kind: kind, processors: processors, processorModel: kind == .snp ? "EPYC-v4" : nil, memoryMiB: 1024,
                transport: .vsock, guestSVN: nil, hasTablesOnly: hasTablesOnly)
            #expect(recipe.runsHostTables == runs)
            #expect(recipe.commandLine.contains("acpi=off") == (processors == 1))
        }
    }

    @Test(
        "run.sh names the listener and the device for the address on the command line",
        arguments: [
            (ImageKind.nitro, ImageTransport.vsock), (.snp, .vsock), (.tdx, .vsock), (.snp, .serial), (.tdx, .serial),
        ])
    func script(_ kind: ImageKind, _ transport: ImageTransport) throws {
        let recipe = try recipe(kind, transport, processors: 1)
        let script = LaunchScript.text(recipe)
        let boot = try BootConfiguration(commandLine: Array(recipe.commandLine.utf8))
        switch StreamAddress(boot.arguments[3]) {
        case .vsock(let address)?: #expect(script.contains("serve --enclave-at vsock:\(address.port)`"))
        case .serial(let name)?:
            #expect(script.contains("serve --enclave-at unix:SOCKET`"))
            #expect(script.contains("virtserialport,chardev=host,name=\(name)\n"))
        default: Issue.record("\(boot.arguments)")
        }
    }

    @Test("The enclave executable accepts the options in the Gramine manifest")
    func gramine() throws {
        let manifest = GramineManifest.template(libraries: [], threads: 3)
        let line = try #require(manifest.split(separator: "\n").first { $0.hasPrefix("loader.argv = ") })
        let words = try JSONDecoder().decode([String].self, from: Data(line.dropFirst("loader.argv = ".count).utf8))
        let arguments = EnclaveArguments(Array(words.dropFirst()))
        #expect(
            arguments
                == .serve(
                    .sgx, developmentKey: nil, connect: .standardStreams, workers: 1, threads: 3, threadsAlone: nil,
                    sandbox: .available))
    }
}
