// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation
import LeakageAssessment
import Testing

@Suite("The report's section on its method")
struct MethodSectionTests {
    private static let numbers: [(name: String, r2: Double, kl: (own: Double, null: Double)?)] = [
        ("relu1", 0.9, (1, 2)), ("relu2", 0.004, (3, 3)),
    ]
    private static let attack = WhiteBoxScores(
        pictures: 4, rSquared: 0.1, rSquaredError: 0.02, similarity: 0.2, similarityOfMean: 0.2, residual: 0.5)

    /// The description under a heading of the section.
    private func text(_ heading: String, of result: AssessmentResult) throws -> String {
        let page = try ReportPage.html(of: result)
        let section = try #require(page.range(of: "<section class=\"method\"")).lowerBound
        let start = try #require(page[section...].range(of: "<dt>\(heading)")).upperBound
        return String(page[start..<(try #require(page[start...].range(of: "</dd>")).lowerBound)])
    }

    @Test("Attacks that ran are described with their settings and not listed as omitted")
    func attacked() throws {
        let result = try Measured.result(
            Measured.cuts(Self.numbers, tried: [.local, .trained], whiteBox: Self.attack))
        let description = try text("White box", of: result)
        for part in ["2 of the 2 cuts", "300 steps", "total-variation prior", "0.02", "4 pictures"] {
            #expect(description.contains(part), "\(part)")
        }
        #expect(try text("Decoders", of: result).contains("At 2 of the 2 cuts an up-convolutional network"))
        let missing = try text("Not covered", of: result)
        #expect(missing.contains("Generative attacks") && !missing.contains("FrontNet"))
        #expect(!missing.contains("trained decoders"))
    }

    @Test("Omitted attacks are listed as not covered and not described")
    func leftOut() throws {
        let result = try Measured.result(Measured.cuts(Self.numbers))
        #expect(try !ReportPage.html(of: result).contains("<dt>White box"))
        #expect(try !text("Decoders", of: result).contains("up-convolutional"))
        let missing = try text("Not covered", of: result)
        #expect(missing.contains("Optimisation attacks through the FrontNet, trained decoders, generative"))
    }

    @Test("Every attack of the catalogue is described")
    func catalogue() throws {
        let description = try text("Attacks at every cut", of: Measured.result(Measured.cuts(Self.numbers)))
        #expect(AttackCatalogue.methods.count >= 4)
        for method in AttackCatalogue.methods { #expect(description.contains(method), "\(method)") }
        // Without a validator the attack on identity compares the model's own view.
        let alone = try text(
            "Attacks at every cut", of: Measured.result(Measured.cuts(Self.numbers), hasValidator: false))
        let words = "The second network is the model itself here"
        #expect(alone.contains(words) && !description.contains(words))
    }

    @Test("The sentence names exactly the gates that count", arguments: Adversary.allCases)
    func gates(adversary: Adversary) throws {
        let kl = adversary != .informed
        let cuts = try Measured.cuts(Self.numbers.map { ($0.name, $0.r2, kl ? $0.kl : nil) })
        for gates in [Gates.standard, .strict] {
            let result = try Measured.result(cuts, gates: gates, adversary: adversary)
            let sentence = try text("Gates", of: result)
            let decoders = adversary != .paper
            #expect(sentence.contains("R² ≤") == decoders)
            #expect(sentence.contains("SSIM") == decoders)
            #expect(sentence.contains("decoder-KL ≥ 0.80 of its null") == decoders)
            #expect(sentence.contains("at most 5.0 % found by reconstruction") == (decoders && gates == .strict))
            #expect(sentence.contains("uniform baseline") == kl && sentence.contains("AUC") == kl)
            #expect(sentence.contains("without IR images does not pass") == (adversary == .paper))
            #expect(sentence.contains("at the cut and at every deeper candidate cut"))
            #expect(try text("Channel KL", of: result).contains("Not measured") == !kl)
        }
    }

    @Test("If nothing was timed, the section does not describe timing")
    func untimed() throws {
        let cuts = try Measured.cuts(Self.numbers)
        #expect(try ReportPage.html(of: Measured.result(cuts, milliseconds: nil)).contains("times not measured"))
        #expect(try ReportPage.html(of: Measured.result(cuts)).contains("fastest of up to 7 runs"))
    }
}
