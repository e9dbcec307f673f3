// SPDX-License-Identifier: Apache-2.0
import Inference
package import ModelGraph
import Synchronization
package import Tensors

/// The layers outside the enclave on this process' own engine, for several requests in one batch on all threads.
///
/// The first request of a batch waits for others, up to a delay. While one batch is computed, the next one is
/// collected.
package final class BatchedBackNet: BackNetEngine {
    private struct Waiting: Sendable {
        let inputs: [Tensor]
        let asked: ContinuousClock.Instant
        let continuation: CheckedContinuation<BackNetRun?, Never>
    }

    private struct State: Sendable {
        var waiting: [Waiting] = []
        /// Whether a batch of waiting requests was submitted and has not begun.
        var isSubmitted = false
        /// Counts batches, so that a delay that ends late does not submit a later batch.
        var batches = 0
    }

    /// The maximum number of requests in a batch.
    package static let largestBatch = 8

    private let inference: BatchedInference
    private let inputs: [TensorType]
    private let outputs: [TensorType]
    private let delay: Duration
    private let state = Mutex(State())
    private let executor = InferenceExecutor(workers: 1, capacity: 1 << 20)

    /// - Parameters:
    ///   - graph: The BackNet for one request. Its weights are kept in addition to the reordered ones.
    ///   - precision: The precision; float32 is used if the processor lacks its instructions or is faster without them.
    ///   - threads: The number of threads for one batch.
    ///   - delay: How long the first request of a batch waits for others.
    /// - Throws: ``HostError`` when the engine cannot run the graph.
    package init(
        _ graph: Graph, precision: PrecisionTable = .float32, threads: Int, delay: Duration
    ) throws(HostError) {
        do throws(InferenceError) {
            inference = try BatchedInference(
                graph, options: PlanOptions(threads: threads, precision: Precision(precision)),
                maximumBatch: Self.largestBatch, maximumPlans: 4)
        } catch { throw HostError(.unusableBundle, "the BackNet cannot run: \(error.message)") }
        inputs = graph.inputs.map(\.type)
        outputs = graph.outputs.map(graph.type)
        self.delay = delay
    }

    package func run(_ inputs: [Tensor]) async -> BackNetRun? {
        // A malformed request would fail its whole batch.
        guard inputs.map(\.type) == self.inputs else { return nil }
        return await withCheckedContinuation { continuation in
            let waiting = Waiting(inputs: inputs, asked: .now, continuation: continuation)
            let (isFirst, isFull, batch) = state.withLock { state in
                state.waiting.append(waiting)
                let isFull = !state.isSubmitted && state.waiting.count >= Self.largestBatch
                if isFull { state.isSubmitted = true }
                return (state.waiting.count == 1, isFull, state.batches)
            }
            if isFull { return submit() }
            guard isFirst else { return }
            Task { [weak self, delay] in
                try? await Task.sleep(for: delay)
                self?.submitIfWaiting(batch)
            }
        }
    }

    /// The delay of a batch has passed.
    private func submitIfWaiting(_ batch: Int) {
        let submits = state.withLock { state in
            guard state.batches == batch, !state.isSubmitted, !state.waiting.isEmpty else { return false }
            state.isSubmitted = true
            return true
        }
        if submits { submit() }
    }

    private func submit() {
        Task { try? await executor.run { [self] () throws(InferenceError) in runBatch() } }
    }

    private func runBatch() {
        let (batch, goesOn) = state.withLock { state in
            let batch = Array(state.waiting.prefix(Self.largestBatch))
            state.waiting.removeFirst(batch.count)
            state.batches += 1
            // The remaining requests have waited for as long as a batch took to begin.
            state.isSubmitted = !state.waiting.isEmpty
            return (batch, state.isSubmitted)
        }
        let started = ContinuousClock.now
        let results = try? compute(batch.map(\.inputs))
        let ended = ContinuousClock.now
        for (position, request) in batch.enumerated() {
            request.continuation.resume(
                returning: results.map {
                    BackNetRun(outputs: $0[position], queued: started - request.asked, computed: ended - started)
                })
        }
        if goesOn { submit() }
    }

    /// - Returns: The outputs of each request.
    private func compute(_ requests: [[Tensor]]) throws(InferenceError) -> [[Tensor]] {
        if requests.count == 1 { return [try inference.run(requests[0])] }
        var joined: [Tensor] = []
        for (position, type) in inputs.enumerated() {
            let images = requests.count * (type.shape.dimensions.first ?? 1)
            joined.append(try Tensor.joining(requests.map { $0[position] }, type, images: images, .standard))
        }
        let results = try inference.run(joined)
        var answers: [[Tensor]] = []
        for request in requests.indices {
            var own: [Tensor] = []
            for (result, type) in zip(results, outputs) {
                let images = type.shape.dimensions.first ?? 1
                own.append(try result.images(request * images..<(request + 1) * images))
            }
            answers.append(own)
        }
        return answers
    }
}

extension BatchedBackNet {
    /// Batches are used only if they are faster by more than the variation of timings.
    private static let leastGain = 1.05
    private static let rounds = 3

    /// Compares batches with one request for each thread on this machine, in interleaved rounds.
    ///
    /// - Parameter log: Receives the measured ratio.
    /// - Returns: The batching engine; `nil` if single requests are as fast.
    /// - Throws: ``HostError`` when the engine cannot run the graph.
    package static func ifFaster(
        _ graph: Graph, precision: PrecisionTable, threads: Int, delay: Duration, log: (LogLine) -> Void
    ) async throws(HostError) -> BatchedBackNet? {
        let batched: BatchedBackNet
        do throws(HostError) {
            batched = try BatchedBackNet(graph, precision: precision, threads: threads, delay: delay)
        } catch {
            log(LogLine(.warning, "the BackNet has no batches: \(error.message)"))
            return nil
        }
        let single = try LocalBackNet(graph, precision: precision, threads: threads)
        let inputs = graph.inputs.map { input in
            // Each element is 0.19 as float32.
            Tensor(type: input.type) { bytes in bytes.initializeMemory(as: UInt8.self, repeating: 0x3E) }
        }
        var (alone, together) = (Duration.seconds(1_000_000), Duration.seconds(1_000_000))
        // The first round of each fills caches for the following ones and does not count.
        for round in 0...rounds {
            let count = max(2 * largestBatch, 4 * threads)
            let times = (await time(count, single, inputs), await time(count, batched, inputs))
            if round > 0 { (alone, together) = (min(alone, times.0), min(together, times.1)) }
        }
        let gain = alone / together
        let words = "batches answer \((gain * 100).rounded() / 100) times as many requests a second as single ones"
        log(LogLine(.info, "the BackNet: \(words)\(gain < leastGain ? "; it runs without batches" : "")"))
        return gain < leastGain ? nil : batched
    }

    /// The time of this many requests at once.
    private static func time(_ count: Int, _ engine: some BackNetEngine, _ inputs: [Tensor]) async -> Duration {
        let start = ContinuousClock.now
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<count { group.addTask { _ = await engine.run(inputs) } }
        }
        return .now - start
    }
}
