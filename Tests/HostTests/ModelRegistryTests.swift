// SPDX-License-Identifier: Apache-2.0
import HostCore
import HostServer
import Testing

@Suite("Several models behind one address")
struct ModelRegistryTests {
    private func registry(_ names: [String]) throws -> ModelRegistry {
        try ModelRegistry(names.map { try ScriptedEnclave("exit 0").model($0) })
    }

    @Test("A name is matched exactly; without a name only a single model is found")
    func lookup() throws {
        let one = try registry(["shop"])
        #expect(one[nil]?.name == "shop" && one["shop"]?.name == "shop" && one["Shop"] == nil && one[""] == nil)
        let two = try registry(["shop", "cars.v2"])
        #expect(two[nil] == nil && two["cars.v2"]?.name == "cars.v2")
    }

    @Test(
        "Invalid path components, duplicate names and an empty list are refused",
        arguments: [["a/b"], [""], [".."], ["a b"], ["ä"], [String(repeating: "x", count: 65)], ["a", "a"], []])
    func names(_ names: [String]) {
        #expect(throws: HostServerError.self) { try registry(names) }
    }

    @Test("The only model has the short paths and keeps them when others are added")
    func shortPaths() throws {
        let registry = try registry(["shop"])
        for name in ["cars", "birds"] { try registry.add(try ScriptedEnclave("exit 0").model(name)) }
        #expect(registry[nil]?.name == "shop")
        _ = registry.remove("cars")
        #expect(registry[nil]?.name == "shop")
        try registry.add(try ScriptedEnclave("exit 0").model("cars"))
        _ = registry.remove("shop")
        // Neither of the two remaining models was ever the only one.
        #expect(registry[nil] == nil)
        try registry.add(try ScriptedEnclave("exit 0").model("shop"))
        #expect(registry[nil] == nil)
        _ = registry.remove("shop")
        _ = registry.remove("cars")
        #expect(registry[nil]?.name == "birds")
    }

    @Test("An added model is found, a removed one is not, and the last model cannot be removed")
    func changes() throws {
        let registry = try registry(["shop"])
        try registry.add(try ScriptedEnclave("exit 0").model("cars"))
        #expect(registry["cars"]?.name == "cars" && registry[nil]?.name == "shop")
        #expect(throws: HostServerError.self) { try registry.add(try ScriptedEnclave("exit 0").model("cars")) }
        #expect(throws: HostServerError.self) { try registry.add(try ScriptedEnclave("exit 0").model("a/b")) }
        #expect(registry.remove("birds") == nil)
        #expect(registry.remove("shop")?.name == "shop" && registry["shop"] == nil)
        #expect(registry[nil]?.name == "cars")
        #expect(registry.remove("cars") == nil && registry.models.count == 1)
    }

    @Test("The memory of a removed model is freed after the next request to another model")
    func removedModel() async throws {
        let registry = try registry(["shop"])
        try registry.add(try ScriptedEnclave("exit 0").model("cars"))
        weak let removed = registry["cars"]
        try #require(removed != nil)
        try await ServedHost.serving(models: registry) { ports in
            func ask(_ model: String) throws {
                #expect(try ServedHost.ask("GET /models/\(model)/ohttp-keys", port: ports.port).contains("503"))
            }
            try ask("shop")
            try ask("cars")
            _ = registry.remove("cars")
            try ask("shop")
            let end = ContinuousClock.now + .seconds(60)
            while removed != nil { try #require(.now < end, "its memory is free") }
        }
    }
}
