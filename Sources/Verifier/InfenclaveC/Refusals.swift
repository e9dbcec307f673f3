// SPDX-License-Identifier: Apache-2.0
import Attestation
import Evidence
import SealedChannel
import Tensors

extension Peer {
    /// No request is sealed to an enclave whose evidence does not state its facts.
    ///
    /// - Throws: ``Failure`` `refused`.
    func requireService() throws(Failure) {
        switch peer.facts.state {
        case .provisioned: return
        case .unprovisioned:
            throw Failure(
                "refused", "the owner has not provisioned the enclave",
                remedy: "the owner runs `infenclave provision` after every start of the enclave; then attest again",
                refusal: "notProvisioned")
        case .leaseEnded:
            throw Failure(
                "refused", "the owner's lease for the enclave has ended",
                remedy: "the owner runs `infenclave provision` again; then attest again", refusal: "leaseEnded")
        }
    }

    /// A request that the enclave would refuse is not sent.
    ///
    /// - Throws: ``Failure`` `invalidInput`.
    func requireInput(_ type: TensorType) throws(Failure) {
        let service = peer.manifestCore.service
        let shape = type.shape.dimensions
        switch type.element {
        case .uint8 where shape == [1, service.height, service.width, service.channels]: return
        case .float32 where service.acceptsFloats && shape == [1, service.channels, service.height, service.width]:
            return
        default: throw Failure("invalidInput", "\(expectation), found \(type)")
        }
    }

    /// The failure for an answer's status; `nil` for an answer with classes.
    func refusal(_ status: AnswerStatus) -> Failure? {
        switch status {
        case .answered: nil
        case .unknownToken:
            Failure(
                "unknownToken", "the owner did not list this access token",
                remedy: "ask the owner to provision again with this token listed", refusal: "unknownToken")
        case .wrongTensorType: Failure("invalidInput", expectation, refusal: "wrongTensorType")
        case .replayedRequest:
            Failure("refused", "the enclave has received this message before", refusal: "replayedRequest")
        case .overLimit:
            Failure(
                "refused", "this client has used up its requests of the present lease",
                remedy: "ask the owner for more, or wait until the owner provisions again", refusal: "overLimit")
        case .tooManyRequests:
            Failure(
                "refused", "this client sends more requests a minute than the owner allows",
                remedy: "send fewer at a time and try again in a few seconds", refusal: "tooManyRequests")
        case .leaseEnded:
            Failure(
                "refused", "the owner's lease for the enclave has ended",
                remedy: "the owner runs `infenclave provision` again", refusal: "leaseEnded")
        case .outsideFailed:
            Failure(
                "refused", "the host failed to run its part of the model", remedy: "try again", refusal: "outsideFailed"
            )
        default:
            Failure("refused", "the enclave refused with code \(status.rawValue)", refusal: "status\(status.rawValue)")
        }
    }

    private var expectation: String {
        let service = peer.manifestCore.service
        return "the model takes u8 1x\(service.height)x\(service.width)x\(service.channels)"
            + (service.acceptsFloats
                ? " or f32 1x\(service.channels)x\(service.height)x\(service.width) with finite values"
                : "; f32 tensors only if the owner partitions with --allow-f32")
    }
}
