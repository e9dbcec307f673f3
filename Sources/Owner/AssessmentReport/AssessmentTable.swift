// SPDX-License-Identifier: Apache-2.0
package import LeakageAssessment
internal import PlainText
internal import Tensors

/// The result of an assessment as a table for a terminal.
package struct AssessmentTable {
    package let text: String
    /// What the columns are of, and what marks in them mean: lines below the table.
    package let legend: [String]

    private struct Column: Sendable {
        let heading: String
        let isRightAligned: Bool
        let cell: @Sendable (CutMeasurement, GateVerdict, AssessmentResult) -> String

        init(
            _ heading: String, left: Bool = false,
            _ cell: @escaping @Sendable (CutMeasurement, GateVerdict, AssessmentResult) -> String
        ) {
            self.heading = heading
            isRightAligned = !left
            self.cell = cell
        }
    }

    private static let (headingOfKL, headingOfShare, headingOfArea) = ("KL match/mismatch", "passing", "AUC")

    /// A number of the channel KL; a tilde shows that it is of fewer pictures than at other cuts.
    private static func channel(
        _ cut: CutMeasurement, _ result: AssessmentResult, _ text: (ChannelKL) -> String
    ) -> String {
        cut.channelKL.map { (result.isOfFewPictures($0) ? "~" : "") + text($0) } ?? "-"
    }

    /// The columns after the cuts' names. Columns with the lowest rank are dropped first if the terminal is too narrow.
    private static let columns: [(rank: Int, column: Column)] =
        [
            (3, Column("crosses") { cut, _, _ in Format.bytes(cut.cost.boundaryBytes) }),
            (
                0,
                Column(headingOfKL) { cut, _, result in
                    channel(cut, result) { Format.fixed($0.mean, 2) + "/" + Format.fixed($0.nullMean, 2) }
                }
            ),
            (4, Column(headingOfShare) { cut, _, result in channel(cut, result) { Format.fixed($0.passFraction, 2) } }),
            (
                5,
                Column(headingOfArea) { cut, _, result in channel(cut, result) { Format.fixed($0.areaUnderCurve, 2) } }
            ),
            (1, Column("decoder", left: true) { cut, _, _ in cut.decoder.kind.rawValue }),
        ]
        + Metric.all.compactMap { metric in
            metric.column.map { column in
                (column.rank, Column(column.heading) { _, verdict, _ in leak(metric, verdict) })
            }
        }
        + [
            (9, Column("R²") { cut, _, _ in Format.fixed(cut.decoder.rSquared, 2) }),
            (6, Column("SSIM") { cut, _, _ in Format.fixed(cut.decoder.similarity, 2) }),
            (7, Column("top-1") { cut, _, _ in Format.fixed(cut.decoder.retrievalTopOne, 2) }),
            (
                2,
                Column("dKL ratio") { cut, _, _ in
                    cut.judgement.map { Format.fixed($0.divergence.ratioToNull, 2) } ?? "-"
                }
            ),
            (
                8,
                Column("noise") { cut, _, _ in
                    cut.noise.flatMap { $0.holds ? Format.significant($0.sigma.value) : nil } ?? "-"
                }
            ),
            (
                14,
                Column("gates", left: true) { _, verdict, _ in
                    verdict.outcome == .notEnoughEvidence ? "not enough" : verdict.outcome.rawValue
                }
            ),
        ]
    /// The value expected of the attacker; a question mark shows that there is not enough evidence.
    private static func leak(_ metric: Metric, _ verdict: GateVerdict) -> String {
        guard let check = verdict.check(of: metric) else { return "-" }
        let estimate = Format.fixed(check.estimate, 2)
        return check.outcome == .notEnoughEvidence ? "\(estimate)?" : estimate
    }

    /// Width for names before columns are dropped.
    private static let nameColumns = 24

    /// - Parameter columns: Width of the terminal. Less important columns are dropped until the table fits, then names
    ///   are shortened in the middle, to 8 characters at least.
    package init(_ result: AssessmentResult, columns: Int = 80) {
        let names = result.cuts.map { PlainText.line($0.name) }
        let longest = max(3, names.map(\.count).max() ?? 0)
        let pairs = Array(zip(result.cuts, result.verdicts))
        let hasNoise = result.cuts.contains { $0.noise != nil }
        var shown = Self.columns.filter { hasNoise || $0.column.heading != "noise" }
        func cells() -> [[String]] {
            shown.map { entry in [entry.column.heading] + pairs.map { entry.column.cell($0, $1, result) } }
        }
        func room() -> Int { columns - cells().reduce(0) { $0 + 2 + ($1.map(\.count).max() ?? 0) } }
        while room() < min(longest, Self.nameColumns), shown.count > 1,
            let least = shown.indices.min(by: { shown[$0].rank < shown[$1].rank })
        { shown.remove(at: least) }
        let width = max(8, room())
        let table = [["cut"] + names.map { HTML.shortened($0, limit: width) }] + cells()
        text =
            TextTable(
                rows: (0...pairs.count).map { row in table.map { $0[row] } },
                rightAligned: Set(shown.indices.filter { shown[$0].column.isRightAligned }.map { $0 + 1 })
            ).description
        legend = Self.legend(result, headings: shown.map(\.column.heading))
    }

    private static func legend(_ result: AssessmentResult, headings: [String]) -> [String] {
        let ofAttacker = Metric.all.compactMap { $0.column?.heading }.filter(headings.contains)
        let few = result.cuts.compactMap(\.channelKL).filter(result.isOfFewPictures).map(\.own.count)
        let ofChannels = [headingOfKL, headingOfShare, headingOfArea].contains(where: headings.contains)
        return [
            ofAttacker.isEmpty
                ? nil
                : ofAttacker.joined(separator: ", ") + ": expected of an attacker with \(result.attackerPictures) "
                    + "pictures, this cut or deeper; other numbers: the pictures at hand, this cut",
            few.max().flatMap { count in
                ofChannels
                    ? "~: of \(count) pictures, since another gate fails there (elsewhere \(result.channelImages))"
                    : nil
            },
        ].compactMap(\.self)
    }
}

extension AssessmentResult {
    /// Whether this channel KL is of fewer pictures than at cuts where it can decide.
    func isOfFewPictures(_ divergence: ChannelKL) -> Bool { divergence.own.count < sample.channelImages }
}
