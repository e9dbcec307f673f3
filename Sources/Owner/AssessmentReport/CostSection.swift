// SPDX-License-Identifier: Apache-2.0
internal import LeakageAssessment

/// Latency, memory and bytes of each cut, and of everything inside.
struct CostSection {
    let result: AssessmentResult

    /// Usable enclave memory of the first SGX generation without paging, 93 MiB: the paper's budget.
    static let paperEnclaveBytes = 93 << 20

    var html: String {
        let whole = result.recommendation.options.first(where: \.everythingInside)?.cost
        let costs = result.cuts.map(\.cost) + (whole.map { [$0] } ?? [])
        let labels = result.cuts.map(\.name) + (whole == nil ? [] : ["everything inside"])
        let marked = labels.firstIndex(
            of: result.recommendation.everythingInside ? "everything inside" : result.recommendation.front)
        let budget = result.budgets.enclaveBytes ?? Self.paperEnclaveBytes
        let budgetName = result.budgets.enclaveBytes == nil ? "first SGX generation" : "your budget"
        let fitting = zip(labels, costs).filter { $0.1.enclaveBytes <= budget }.count
        return """
            <section id="costs"><h2>What each cut costs</h2><p>Measured on this machine outside any TEE, with \(threads); times \
            inside count \(Format.number(result.budgets.enclaveFactor))-fold. \(fitting) of \(costs.count) plans fit into \
            \(Format.bytes(budget)) of enclave memory (\(budgetName)).</p><div class="charts">
            \(times(costs, labels, marked))
            \(BarChart(
                title: "Enclave memory", unit: "weights, activations and scratch of the parts inside",
                parts: [.init(name: "enclave memory", values: costs.map { Double($0.enclaveBytes) }, color: 4)],
                labels: labels, text: { Format.bytes(Int($0)) },
                limit: (Double(budget), "\(budgetName): \(Format.bytes(budget))"), marked: marked, hasWhole: whole != nil).svg)
            \(BarChart(
                title: "Bytes that cross", unit: "per picture, out and back",
                parts: [.init(name: "bytes", values: costs.map { Double($0.boundaryBytes) }, color: 2)],
                labels: labels, text: { Format.bytes(Int($0)) }, marked: marked, hasWhole: whole != nil).svg)
            </div></section>
            """
    }

    private var threads: String { result.threads == 1 ? "1 thread" : "\(result.threads) threads" }

    private func times(_ costs: [CutCost], _ labels: [String], _ marked: Int?) -> String {
        guard costs.allSatisfy({ $0.frontMilliseconds != nil }) else { return "" }
        let factor = result.budgets.enclaveFactor
        return BarChart(
            title: "Time per picture", unit: "milliseconds",
            parts: [
                .init(name: "FrontNet, inside", values: costs.map { factor * ($0.frontMilliseconds ?? 0) }, color: 1),
                .init(name: "crossing", values: costs.map { $0.crossingMilliseconds ?? 0 }, color: 2),
                .init(name: "BackNet, outside", values: costs.map { $0.backMilliseconds ?? 0 }, color: 5),
                .init(
                    name: "mapping unit, inside", values: costs.map { factor * ($0.mappingMilliseconds ?? 0) }, color: 4
                ),
            ],
            labels: labels, text: { Format.number($0) + " ms" },
            limit: result.budgets.latencyMilliseconds.map { ($0, "your budget: \(Format.number($0)) ms") },
            marked: marked, hasWhole: labels.count > result.cuts.count
        ).svg
    }
}
