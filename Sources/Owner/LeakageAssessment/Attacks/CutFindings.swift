// SPDX-License-Identifier: Apache-2.0
/// The results of the attacks at one cut, by the type of the finding.
package struct CutFindings: Sendable {
    private var byName: [String: any Finding] = [:]
    /// Findings of other runs of the same attacks. They are not encoded, since each run is stored by itself.
    private var alsoCounted: [any Finding] = []

    package init(_ findings: [any Finding] = []) {
        for finding in findings { byName[Swift.type(of: finding).name] = finding }
    }

    /// `nil` where that attack did not run or does not apply.
    package subscript<Found: Finding>(type: Found.Type) -> Found? {
        get { byName[type.name] as? Found }
        set { byName[type.name] = newValue }
    }

    /// Adds or replaces the findings of `other`; the rest stays.
    package mutating func merge(_ other: CutFindings) {
        byName.merge(other.byName) { $1 }
        alsoCounted += other.alsoCounted
    }

    package func merging(_ other: CutFindings) -> CutFindings {
        var merged = self
        merged.merge(other)
        return merged
    }

    /// The same findings, which are shown; those of another run count in every estimate as well, so that a run that is
    /// not shown still counts with its values and errors.
    package func counting(_ other: CutFindings) -> CutFindings {
        var counting = self
        counting.alsoCounted += other.all + other.alsoCounted
        return counting
    }

    /// All findings, in the order of their names.
    package var all: [any Finding] { byName.sorted { $0.key < $1.key }.map(\.value) }

    /// Of other runs, what differs from the findings that are shown: it counts in every estimate as well.
    package func countedBeside(for attacker: Attacker) -> [any Finding] {
        alsoCounted.filter { finding in
            let estimates = finding.estimates(for: attacker)
            return !estimates.isEmpty && byName[type(of: finding).name]?.estimates(for: attacker) != estimates
        }.sorted { type(of: $0).name < type(of: $1).name }
    }

    /// The combined estimate of a metric from all attacks.
    ///
    /// - Returns: `nil` where no attack measured it; for a metric that is judged by its interval, an estimate that
    ///   excludes nothing.
    package func estimate(of metric: Metric, for attacker: Attacker) -> LeakEstimate? {
        let found = LeakEstimate.together(
            (all + alsoCounted).compactMap { $0.estimates(for: attacker)[metric] }, of: metric)
        // What failed attacks measured is not expected of an attacker.
        if let found, found.standing != .failed { return found }
        return found != nil || metric.judgement == .interval ? metric.unknown : nil
    }
}

extension CutFindings: Codable {
    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { return nil }
    }

    package init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: Name.self)
        func read<Found: Finding>(_ type: Found.Type) throws -> Found? {
            try members.decodeIfPresent(type, forKey: Name(type.name))
        }
        self.init(try AttackCatalogue.findings.compactMap { try read($0) })
    }

    package func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: Name.self)
        for (name, finding) in byName.sorted(by: { $0.key < $1.key }) {
            try members.encode(finding, forKey: Name(name))
        }
    }
}
