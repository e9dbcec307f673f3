// SPDX-License-Identifier: Apache-2.0
/// The parsers of untrusted bytes, each with a name for the fuzzer. A target passes bytes to its parser and then checks
/// the parser's promises about accepted input.
public enum FuzzTarget: String, CaseIterable, Sendable {
    // Models and files of the owner.
    case onnx
    case darknet
    case graph
    case engine
    case enclavePart = "enclave-part"
    case partitionPlan = "partition-plan"
    case assessmentFile = "assessment-file"
    case attackResult = "attack-result"
    case preprocessing
    case keyholdEntry = "keyhold-entry"
    case npy
    case image
    // Inputs of an image for a TEE.
    case enclaveImage = "enclave-image"
    case firmware
    case kernel

    // Messages between host and enclave.
    case hostFrames = "host-frames"
    case enclaveFrames = "enclave-frames"
    case epochs
    case bootCommandLine = "boot-command-line"

    // Messages between clients, owner and enclave.
    case keyConfiguration = "key-configuration"
    case obliviousRequest = "oblivious-request"
    case binaryHTTP = "binary-http"
    case classificationRequest = "classification-request"
    case classificationAnswer = "classification-answer"
    case provisioning
    case auditStatistics = "audit-statistics"
    case sealedPart = "sealed-part"

    // Requests to the proxy.
    case inferenceRequest = "inference-request"
    case inferenceMessage = "inference-message"
    // Answers of an external engine to the host.
    case inferResponse = "infer-response"

    // Evidence of an untrusted server, and the policy and collateral for it.
    case manifest
    case manifestCore = "manifest-core"
    case enclaveFacts = "enclave-facts"
    case policy
    case evidenceDocument = "evidence-document"
    case developmentReport = "development-report"
    case intelQuote = "intel-quote"
    case amdReport = "amd-report"
    case nitroDocument = "nitro-document"
    case azureEvidence = "azure-evidence"
    case certificate
    case revocationList = "revocation-list"
    case tcbInfo = "tcb-info"
    case qeIdentity = "qe-identity"
    case eventLog = "event-log"
    case verification

    /// Parses the bytes. A broken promise ends the process, as a trap in the parser does.
    public func run(_ bytes: UnsafeRawBufferPointer) -> FuzzOutcome {
        do {
            try parse(bytes)
            return .accepted
        } catch {
            return .refused(String(describing: error))
        }
    }

    private func parse(_ bytes: UnsafeRawBufferPointer) throws {
        switch self {
        case .onnx: try ModelTargets.onnx(bytes)
        case .darknet: try DarknetTarget.run(bytes)
        case .graph: try ModelTargets.graph(bytes)
        case .engine: try ModelTargets.engine(bytes)
        case .enclavePart: try ModelTargets.enclavePart(bytes)
        case .partitionPlan: try FileTargets.partitionPlan(bytes)
        case .assessmentFile: try FileTargets.assessmentFile(bytes)
        case .attackResult: try FileTargets.attackResult(bytes)
        case .preprocessing: try FileTargets.preprocessing(bytes)
        case .keyholdEntry: try KeyholdTarget.run(bytes)
        case .npy: try FileTargets.npy(bytes)
        case .image: try FileTargets.image(bytes)
        case .enclaveImage: try ImageTargets.enclaveImage(bytes)
        case .firmware: try ImageTargets.firmware(bytes)
        case .kernel: try ImageTargets.kernel(bytes)
        case .hostFrames: try FrameTargets.hostFrames(bytes)
        case .enclaveFrames: try FrameTargets.enclaveFrames(bytes)
        case .epochs: try MachineTargets.epochs(bytes)
        case .bootCommandLine: try MachineTargets.commandLine(bytes)
        case .keyConfiguration: try ChannelTargets.keyConfiguration(bytes)
        case .obliviousRequest: try ChannelTargets.obliviousRequest(bytes)
        case .binaryHTTP: try ChannelTargets.binaryHTTP(bytes)
        case .classificationRequest: try ChannelTargets.classificationRequest(bytes)
        case .classificationAnswer: try ChannelTargets.classificationAnswer(bytes)
        case .provisioning: try ChannelTargets.provisioning(bytes)
        case .auditStatistics: try ChannelTargets.auditStatistics(bytes)
        case .sealedPart: try ChannelTargets.sealedPart(bytes)
        case .inferenceRequest: try ProxyTargets.inferenceRequest(bytes)
        case .inferenceMessage: try ProxyTargets.inferenceMessage(bytes)
        case .inferResponse: try EngineTargets.inferResponse(bytes)
        case .manifest: try FileTargets.manifest(bytes)
        case .manifestCore: try EvidenceTargets.manifestCore(bytes)
        case .enclaveFacts: try EvidenceTargets.enclaveFacts(bytes)
        case .policy: try EvidenceTargets.policy(bytes)
        case .evidenceDocument: try EvidenceTargets.evidenceDocument(bytes)
        case .developmentReport: try EvidenceTargets.developmentReport(bytes)
        case .intelQuote: try EvidenceTargets.intelQuote(bytes)
        case .amdReport: try EvidenceTargets.amdReport(bytes)
        case .nitroDocument: try EvidenceTargets.nitroDocument(bytes)
        case .azureEvidence: try EvidenceTargets.azureEvidence(bytes)
        case .certificate: try EvidenceTargets.certificate(bytes)
        case .revocationList: try EvidenceTargets.revocationList(bytes)
        case .tcbInfo: try EvidenceTargets.tcbInfo(bytes)
        case .qeIdentity: try EvidenceTargets.qeIdentity(bytes)
        case .eventLog: try EvidenceTargets.eventLog(bytes)
        case .verification: try EvidenceTargets.verification(bytes)
        }
    }
}

/// What a parser made of the bytes.
public enum FuzzOutcome: Sendable, Hashable {
    case accepted
    /// With the parser's message.
    case refused(String)
}

/// Ends the process when a parser broke a promise about what it accepted.
func promise(_ holds: Bool, _ what: StaticString) {
    guard holds else { fatalError("broken promise: \(what)") }
}

/// Succeeds when one of the parsers accepts; all of them are run.
func anyAccepts(_ parsers: [() throws -> Void]) throws {
    var refusals: [any Error] = []
    for parser in parsers { do { try parser() } catch { refusals.append(error) } }
    if refusals.count == parsers.count, let first = refusals.first { throw first }
}
