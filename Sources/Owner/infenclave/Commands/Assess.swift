// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// `assess MODEL …` measures; `assess merge DIR…` merges shards.
struct Assess: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure the leakage at every cut, and recommend a partition.",
        discussion: "`infenclave assess MODEL …` is short for `infenclave assess measure MODEL …`.",
        subcommands: [AssessModel.self, AssessMerge.self], defaultSubcommand: AssessModel.self)
}
