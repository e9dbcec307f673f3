// SPDX-License-Identifier: Apache-2.0
import Inference
import ModelGraph
import Testing

@Suite("Thread count of a plan")
struct UsefulThreadsTests {
    private func convolution(channels: Int, side: Int) throws -> Graph {
        var problem = Problem("a convolution")
        try problem.input("x", [1, channels, side, side])
        try problem.constant("w", [channels, channels, 3, 3])
        let same = Window(kernel: [3, 3], pads: [1, 1, 1, 1])
        problem.node("c", .convolution(Convolution(window: same)), "x", "w")
        return try problem.graph()
    }

    @Test("A small network uses one thread, a medium one as many as its operations justify, and a large one all")
    func counts() throws {
        // 0.6, 59 and 920 million multiply-adds.
        let (small, middle, large) = (
            try convolution(channels: 8, side: 32), try convolution(channels: 64, side: 40),
            try convolution(channels: 128, side: 79)
        )
        #expect([1, 2, 64].map(small.usefulThreads) == [1, 1, 1])
        #expect([1, 2, 64].map(middle.usefulThreads) == [1, 2, 5])
        #expect([1, 2, 64].map(large.usefulThreads) == [1, 2, 64])
    }

    @Test("The thread count of a network without products depends on the bytes that it writes")
    func elementwise() throws {
        var problem = Problem("a large activation")
        try problem.input("x", [1, 64, 320, 320])
        problem.node("y", .activation(Activation(.relu)), "x")
        #expect(try problem.graph().usefulThreads(atMost: 4) == 2)
    }

    @Test("An inference without others uses the plan with all threads; concurrent ones use one plan each")
    func plans() {
        var idle = IdlePlans(InferenceWorkers(count: 2, threads: 1, threadsAlone: 2))
        let alone = idle.take(othersWait: false)
        #expect(alone == 2 && idle.running == 1)
        // The first still runs, so the next is not alone, though no other waits.
        #expect(idle.take(othersWait: false) == 0)
        idle.giveBack(alone)
        #expect(idle.take(othersWait: false) == 1)
        idle.giveBack(0)
        idle.giveBack(1)
        #expect(idle.running == 0)
        #expect(Set([idle.take(othersWait: true), idle.take(othersWait: true)]) == [0, 1])
    }

    @Test("A single worker, and workers that use all threads anyway, have no additional plan")
    func onePlan() {
        var one = IdlePlans(InferenceWorkers(count: 1, threads: 4))
        #expect(one.take(othersWait: false) == 0)
        var same = IdlePlans(InferenceWorkers(count: 2, threads: 2))
        #expect([same.take(othersWait: false), same.take(othersWait: false)] == [0, 1])
    }
}
