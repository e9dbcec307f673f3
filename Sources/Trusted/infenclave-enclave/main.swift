import EnclaveCore
import EnclavePlatform
import Evidence
import FrameStream
import Glibc
import Inference
import SecretMemory
import Wire

/// One fixed or configuration-only line on the standard error stream. Nothing of a request ever gets here.
func end(_ message: String, status: Int32) -> Never {
    let line = Array("\(message)\n".utf8)
    _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    exit(status)
}

func perform(_ arguments: EnclaveArguments) throws {
    try ProcessHardening.forbidDumps()
    switch arguments {
    case .measure: print(try ExecutableMeasurement.ofThisProcess().hex)
    case .detect: print(try EvidenceSources.detect().rawValue)
    case .report(let kind):
        let source = try EvidenceSources.source(kind, developmentKey: nil)
        let nothing = [UInt8](repeating: 0, count: ReportTranscript.reportDataByteCount)
        print(try source.evidence(reportData: nothing).evidence.hex)
    case .developmentKey(let path): print(try DevelopmentKey.publicKey(path).hex)
    case .serve(let kind, let developmentKey, let connect, let workers, let threads, let threadsAlone):
        // A terminal's interrupt reaches the whole process group; the host decides when the enclave ends.
        signal(SIGINT, SIG_IGN)
        let source = try EvidenceSources.source(kind, developmentKey: developmentKey)
        let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let count = workers ?? 1
        let enclave = try Enclave(
            evidenceSource: source,
            workers: EnclaveWorkers(
                count: count, threads: threads ?? max(1, processors / count), threadsAlone: threadsAlone))
        let watchdog = Watchdog()
        watchdog.start()
        try EnclaveServer.run(enclave, on: try connect.dial(), watchdog: watchdog)
    }
}

// Swift's own handlers would print registers and the memory that they point to.
for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGQUIT] { signal(number, SIG_DFL) }
// It runs this executable again, as a process with the options of the kernel's command line.
if FirstProcess.isThisProcess { FirstProcess.run() }
// What clients and the host send must not make arithmetic slow, outside of plans as well.
FloatingPointMode.flushSubnormals()
guard let arguments = EnclaveArguments(Array(CommandLine.arguments.dropFirst())) else {
    end(EnclaveArguments.usage, status: 64)
}
do {
    try perform(arguments)
} catch let error as EvidenceSourceError {
    end("infenclave-enclave: \(error.message)", status: 1)
} catch let error as WireError {
    end("infenclave-enclave: the connection to the host failed: \(error.message)", status: 1)
} catch {
    end("infenclave-enclave: stopped, because the platform or the host's connection failed", status: 1)
}
