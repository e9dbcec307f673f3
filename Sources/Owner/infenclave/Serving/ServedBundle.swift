// SPDX-License-Identifier: Apache-2.0
import BundleFormat
import EngineMessages
import Foundation
import HostCore
import HostServer
import Inference
import ModelGraph
import OpenInferenceBackNet
import Partitioning
import SealedChannel
import Wire

/// An opened bundle, for serving.
struct ServedBundle {
    /// The settings for serving it.
    struct Terms: Sendable {
        let placement: EnclavePlacement
        let replicas: Int
        let threads: Int
        let places: BackNetPlaces
        let maximumWaiting: Int
        /// How long the first request of a batch of the BackNet waits for others; `nil` without batches.
        let batchDelay: Duration?
    }

    /// The name under which it is served.
    let name: String
    /// The model's own name.
    let title: String
    private let bundle: HostedBundle
    private let engine: (any BackNetEngine)?
    private let requestBytes: Int
    private let terms: Terms

    /// Opens the bundle and, for an engine of `--backnet`, determines the BackNet's signature. Warnings are logged.
    ///
    /// - Throws: ``PartitioningError``, ``HostError``, ``CommandFailure``.
    init(_ path: String, under terms: Terms, log: OperatorLog, lines: @escaping @Sendable (LogLine) -> Void)
        async throws
    {
        let opened = try OpenedBundle(opening: path)
        let level = PrecisionTable.Level(label: opened.manifest.precision) ?? .float32
        if let reason = Precision.whyFloat32(insteadOf: level) {
            log.write(LogLine(.warning, "\(reason): host and enclave compute in f32"))
        }
        let secretBytes = HostMemory.lockedBytes(ofParts: opened.frontNet.byteCount + opened.mappingUnit.byteCount)
        if !HostMemory.canLock(secretBytes) {
            log.write(
                LogLine(
                    .warning,
                    "no \(secretBytes >> 20) MiB of memory can be locked: secrets of the enclave may be swapped out; raise `ulimit -l` (LimitMEMLOCK), or run without swap"
                ))
        }
        name = Self.name(path)
        title = opened.manifest.model.name
        requestBytes = min(ServerLimits().requestBytes, opened.manifest.largestRequestBytes)
        if terms.batchDelay != nil, opened.backNet == nil {
            log.write(
                LogLine(.warning, "--batch-delay has no effect for \(name): all its layers are inside the enclave"))
        }
        engine =
            if let delay = terms.batchDelay, let backNet = opened.backNet {
                try await BatchedBackNet.ifFaster(
                    backNet, precision: opened.backNetPrecision, threads: terms.threads, delay: delay, log: lines)
            } else {
                try await Self.engine(opened.backNet, name, terms.places, threads: terms.threads, log: lines)
            }
        bundle = HostedBundle(consume opened)
        self.terms = terms
    }

    /// Compiles its BackNet.
    ///
    /// - Throws: ``HostError``.
    consuming func pool(
        _ slots: [KeySlot], metrics: HostMetrics = HostMetrics(), lines: @escaping @Sendable (LogLine) -> Void
    ) throws(HostError) -> EnclavePool {
        try EnclavePool(
            title: title, bundle: bundle, slots: slots, placement: terms.placement,
            backNetThreads: terms.threads, engine: engine,
            requestBytes: requestBytes, maximumWaiting: terms.maximumWaiting, metrics: metrics, log: lines)
    }

    /// - Returns: `nil` for this process' own engine.
    private static func engine(
        _ backNet: Graph?, _ name: String, _ places: BackNetPlaces, threads: Int,
        log: @escaping @Sendable (LogLine) -> Void
    ) async throws -> (any BackNetEngine)? {
        let addresses = places.engines(of: name)
        guard !addresses.isEmpty else { return nil }
        guard let backNet else {
            throw CommandFailure(
                "backnet", "\(name) has all layers inside: there is nothing for an engine to run",
                remedy: "leave --backnet out")
        }
        let signature = try BackNetSignature(backNet)
        let replicas = try addresses.map { try BackNetPlaces.replica($0, signature) }
        let probe = try await EngineProbe(
            of: signature, computedBy: try LocalBackNet(backNet, threads: threads))
        return OpenInferenceBackNet(replicas, probe: probe, limits: places.limits, log: log)
    }

    /// The folder's name without `.infenclave`, with `-` for characters that are not allowed in a path.
    static func name(_ path: String) -> String {
        let file = URL(filePath: path).lastPathComponent
        let stem = file.hasSuffix(".infenclave") ? String(file.dropLast(".infenclave".count)) : file
        let plain = stem.unicodeScalars.prefix(64).map { scalar in
            scalar.isASCII
                && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
                    || "._-".unicodeScalars.contains(scalar))
                ? Character(scalar) : "-"
        }
        return plain.allSatisfy { $0 == "." } ? "model" : String(plain)
    }
}

extension BundleManifest {
    /// The size of a sealed request with the largest tensor that the enclave accepts, with 16 KiB for the token, the
    /// inner request's headers, and the seal.
    fileprivate var largestRequestBytes: Int {
        let elements = input.shape.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
        let (bytes, isTooMuch) = elements.multipliedReportingOverflow(
            by: input.elements.contains("f32") ? MemoryLayout<Float>.size : 1)
        return (isTooMuch || bytes < 0 || bytes > 1 << 40 ? 1 << 40 : bytes) + 16 << 10
    }
}

extension HostedBundle {
    init(_ bundle: OpenedBundle) {
        self.init(
            manifestDigest: bundle.manifestDigest.bytes, manifestCore: bundle.coreBytes,
            manifest: bundle.manifestBytes, manifestSignature: bundle.signature,
            frontNet: PartContent(bundle.frontNet), mappingUnit: PartContent(bundle.mappingUnit),
            backNet: bundle.backNet,
            backNetFile: bundle.backNetFile.map { PartContent($0) },
            backNetPrecision: bundle.backNetPrecision)
    }
}

extension PartContent {
    /// Read when an enclave needs it.
    fileprivate init(_ file: RegularFile) {
        self.init(byteCount: file.byteCount) { try? file.bytes($0) }
    }
}
