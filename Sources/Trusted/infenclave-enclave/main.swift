// SPDX-License-Identifier: Apache-2.0
import EnclaveCore
import EnclavePlatform
import Evidence
import FrameStream
import Glibc
import Inference
import Sandbox
import SecretMemory
import Wire

/// Writes one line to the standard error stream: fixed text, or text about the configuration. No data of a request is
/// ever written.
func say(_ message: String) {
    let line = Array("\(message)\n".utf8)
    _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

func end(_ message: String, status: Int32) -> Never {
    say(message)
    exit(status)
}

/// Input of the host is read only in the sandbox. The evidence source has been found by then, and no thread has been
/// started.
func confine(_ kind: TEEKind, _ demand: Sandbox.Demand) throws {
    guard let sandbox = EnclaveSandbox.sandbox(for: kind) else {
        guard demand != .required else {
            end("infenclave-enclave: there is no sandbox for \(kind.rawValue): its manifest confines it", status: 1)
        }
        return
    }
    for missing in try sandbox.enter(demand) { say("infenclave-enclave: not in the sandbox: \(missing)") }
}

func perform(_ arguments: EnclaveArguments) throws {
    try ProcessHardening.forbidDumps(unlessPlatformDoes: arguments.runsInSGX)
    switch arguments {
    case .measure: print(try ExecutableMeasurement.ofThisProcess().hex)
    case .detect: print(try EvidenceSources.detect().rawValue)
    case .report(let kind):
        let source = try EvidenceSources.source(kind, developmentKey: nil)
        let nothing = [UInt8](repeating: 0, count: ReportTranscript.reportDataByteCount)
        print(try source.evidence(reportData: nothing).evidence.hex)
    case .developmentKey(let path): print(try DevelopmentKey.publicKey(path).hex)
    case .serve(let kind, let developmentKey, let connect, let workers, let threads, let threadsAlone, let sandbox):
        // A terminal's interrupt reaches the whole process group; the host decides when the enclave ends.
        signal(SIGINT, SIG_IGN)
        let source = try EvidenceSources.source(kind, developmentKey: developmentKey)
        let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let stream = try connect.dial()
        try confine(kind, sandbox)
        let count = workers ?? 1
        let enclave = try Enclave(
            evidenceSource: source,
            workers: InferenceWorkers(
                count: count, threads: threads ?? max(1, processors / count), threadsAlone: threadsAlone))
        let watchdog = Watchdog()
        watchdog.start()
        try EnclaveServer.run(enclave, on: stream, watchdog: watchdog)
    }
}

// Swift's own handlers would print registers and the memory that they point to.
for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGQUIT] { signal(number, SIG_DFL) }
// The first process runs this executable again, as a process with the options of the kernel's command line.
if FirstProcess.isThisProcess { FirstProcess.run() }
// Input of clients and the host must not slow down arithmetic, outside of plans either.
FloatingPointMode.flushSubnormals()
guard let arguments = EnclaveArguments(Array(CommandLine.arguments.dropFirst())) else {
    end(EnclaveArguments.usage, status: 64)
}
do {
    try perform(arguments)
} catch let error as EvidenceSourceError {
    end("infenclave-enclave: \(error.message)", status: 1)
} catch let error as SandboxError {
    end("infenclave-enclave: \(error.message); \(error.remedy)", status: 1)
} catch let error as WireError {
    end("infenclave-enclave: the connection to the host failed: \(error.message)", status: 1)
} catch {
    end("infenclave-enclave: stopped, because the platform or the host's connection failed", status: 1)
}
