import EnclaveImage
import EnclavePlatform
import Evidence
import Foundation
import FrameStream
import Sandbox
import Testing

@Suite("What an image says to its first process")
struct BootParametersTests {
    private func recipe(_ kind: ImageKind, _ transport: ImageTransport, processors: Int) throws -> ImageRecipe {
        try ImageRecipe(
            kind: kind, processors: processors, processorModel: kind == .snp ? "EPYC-v4" : nil, memoryMiB: 1024,
            transport: transport, guestSVN: nil)
    }

    @Test(
        "The enclave's first process takes the command line of an image, with what monitors append to it",
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

    @Test(
        "run.sh names the listener and the device of the address that the command line has",
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

    @Test("The enclave's executable takes the options of the Gramine manifest")
    func gramine() throws {
        let manifest = GramineManifest.template(libraries: [], threads: 3)
        let line = try #require(manifest.split(separator: "\n").first { $0.hasPrefix("loader.argv = ") })
        let words = try JSONDecoder().decode([String].self, from: Data(line.dropFirst("loader.argv = ".count).utf8))
        let arguments = EnclaveArguments(Array(words.dropFirst()))
        #expect(
            arguments
                == .serve(
                    .sgx, developmentKey: nil, connect: .standardStreams, workers: nil, threads: 3, threadsAlone: nil,
                    sandbox: .available))
    }
}
