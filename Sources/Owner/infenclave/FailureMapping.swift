// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Attestation
import BundleFormat
import DarknetImport
import EnclaveImage
import EngineMessages
import Foundation
import HostCore
import HostServer
import Imaging
import InfenclaveClient
import Inference
import InferenceProxy
import KeyRelease
import LeakageAssessment
import ModelGraph
import ONNXImport
import Partitioning
import Sandbox
import SealedChannel
import SecretMemory
import Tensors

extension CommandFailure {
    /// The message for a user about any module's error.
    init(_ error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as ONNXImportError: self.init("model", error.message)
        case let error as DarknetImportError: self.init("model", error.message)
        case let error as GraphError: self.init("model", error.message)
        case let error as InferenceError: self.init("inference", error.message)
        case let error as ImagingError: self.init("picture", error.message)
        case let error as TensorError: self.init("tensor", error.message)
        case let error as AssessmentError: self.init("assessment", error.message)
        case let error as PartitioningError: self.init(error.code.name, error.message)
        case let error as BundleFormatError: self.init("bundle", error.message)
        case let error as SealedChannelError: self.init(error.code.description, error.message)
        case let error as SecretMemoryError: self.init("key", error.message)
        case let error as ImageError: self.init("image", error.message, remedy: error.remedy)
        case let error as AttestationError: self.init("attestation", error.message)
        case let error as ClientError:
            self.init(error.refusal?.rawValue ?? error.code.name, error.message, remedy: error.remedy)
        case is CancellationError: self.init("cancelled", "it was cancelled")
        case let error as EngineError: self.init("backnet", error.message, remedy: error.remedy)
        case let error as HostError: self.init(error.code.name, error.message)
        case let error as HostServerError: self.init("server", error.message, remedy: error.remedy)
        case let error as SandboxError: self.init("sandbox", error.message, remedy: error.remedy)
        case let error as ProxyError: self.init("proxy", error.message, remedy: error.remedy)
        case let error as KeyReleaseError: self.init(error.code.name, error.message, remedy: error.remedy)
        case let error as ValidationError: self.init("usage", error.message)
        default: self.init("internal", "an unexpected failure: \(type(of: error))")
        }
    }
}
