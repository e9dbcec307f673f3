// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import Tensors
import Testing

/// What is verified about the optimiser's passes: their order, and the draft that each leaves.
@Suite("Verification of graph drafts between optimiser passes")
struct DraftVerifierTests {
    // Passes with one fault each. They are applied to a convolution and an activation.

    private enum DefinesTwice: Pass {
        static let name = "defines twice"
        static let after: [any Pass.Type] = []
        static func apply(to draft: inout Draft) { draft.nodes[1].output = draft.nodes[0].output }
    }

    private enum UsesBefore: Pass {
        static let name = "uses before"
        static let after: [any Pass.Type] = []
        static func apply(to draft: inout Draft) { draft.nodes.swapAt(0, 1) }
    }

    private enum LosesOutput: Pass {
        static let name = "loses the output"
        static let after: [any Pass.Type] = []
        static func apply(to draft: inout Draft) { draft.nodes.removeLast() }
    }

    private enum ForgetsType: Pass {
        static let name = "forgets a type"
        static let after: [any Pass.Type] = []
        static func apply(to draft: inout Draft) { draft.types[draft.nodes[0].output] = nil }
    }

    private enum DropsOperand: Pass {
        static let name = "drops an operand"
        static let after: [any Pass.Type] = []
        static func apply(to draft: inout Draft) { draft.nodes[0].inputs.removeLast() }
    }

    private enum AddsWithoutOperand: Pass {
        static let name = "adds without an operand"
        static let after: [any Pass.Type] = []
        static func apply(to draft: inout Draft) { draft.nodes[1].post = [.add] }
    }

    private enum ChangesResult: Pass {
        static let name = "changes a result"
        static let after: [any Pass.Type] = []
        static func apply(to draft: inout Draft) {
            draft.nodes[0].kind = .operation(.convolution(Convolution(window: Window(kernel: [3, 3]))))
        }
    }

    private enum ReplacesConstant: Pass {
        static let name = "replaces a constant"
        static let after: [any Pass.Type] = []
        static func apply(to draft: inout Draft) throws(InferenceError) {
            guard let other = try? Tensor([Float](repeating: 0, count: 8), shape: [8]) else { return }
            draft.constants["w"] = other
        }
    }

    private enum Harmless: Pass {
        static let name = "harmless"
        static let after: [any Pass.Type] = []
        static func apply(to draft: inout Draft) {}
    }

    private static func draft(verifies: Bool = true) throws -> Draft {
        var problem = Problem("a convolution and an activation")
        try problem.input("x", [2, 8, 6, 6])
        try problem.constant("w", [8, 8, 3, 3])
        problem.node("y", .convolution(Convolution(window: Window(kernel: [3, 3], pads: [1, 1, 1, 1]))), "x", "w")
        problem.node("z", .activation(Activation(.relu)), "y")
        var options = PlanOptions()
        options.verifiesPasses = verifies
        return Draft(try problem.graph(), options: options)
    }

    @Test("A pass that leaves an invalid draft is detected and named")
    func brokenPasses() throws {
        let broken: [any Pass.Type] = [
            DefinesTwice.self, UsesBefore.self, LosesOutput.self, ForgetsType.self, DropsOperand.self,
            AddsWithoutOperand.self, ChangesResult.self, ReplacesConstant.self,
        ]
        for pass in broken {
            var draft = try Self.draft()
            let error = #expect(throws: InferenceError.self, "\(pass.name)") {
                try Optimizer.optimize(&draft, by: [Harmless.self, pass])
            }
            #expect(error?.code == .internalFault)
            #expect(error?.message.contains("after the pass '\(pass.name)'") == true, "\(error?.message ?? "")")
            // Without the option the draft is not verified.
            var unchecked = try Self.draft(verifies: false)
            try Optimizer.optimize(&unchecked, by: [pass])
        }
        var draft = try Self.draft()
        try Optimizer.optimize(&draft, by: [Harmless.self])
        try Optimizer.optimize(&draft)
    }

    @Test("The passes run in an order that satisfies their preconditions, and another order is detected")
    func order() {
        let passes = Optimizer.passes
        #expect(Optimizer.misplaced(in: passes) == nil)
        #expect(passes.count { !$0.after.isEmpty } > 10)
        #expect(Optimizer.misplaced(in: passes.reversed()) != nil)
        // Each pass with others in `after`, moved to the front.
        for pass in passes where !pass.after.isEmpty {
            #expect(Optimizer.misplaced(in: [pass] + passes).map(ObjectIdentifier.init) == ObjectIdentifier(pass))
        }
    }
}
