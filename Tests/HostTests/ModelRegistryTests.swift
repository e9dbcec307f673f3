import HostCore
import HostServer
import Testing

@Suite("Several models behind one address")
struct ModelRegistryTests {
    private func registry(_ names: [String]) throws -> ModelRegistry {
        try ModelRegistry(names.map { .init(name: $0, host: try ScriptedEnclave("exit 0").host) })
    }

    @Test("A name is looked up exactly; without one there is the only model, and none of several")
    func lookup() throws {
        let one = try registry(["shop"])
        #expect(one[nil]?.name == "shop" && one["shop"]?.name == "shop" && one["Shop"] == nil && one[""] == nil)
        let two = try registry(["shop", "cars.v2"])
        #expect(two[nil] == nil && two["cars.v2"]?.name == "cars.v2")
    }

    @Test(
        "Names that are no part of a path, two of one name, and no models are refused",
        arguments: [["a/b"], [""], [".."], ["a b"], ["ä"], [String(repeating: "x", count: 65)], ["a", "a"], []])
    func names(_ names: [String]) {
        #expect(throws: HostServerError.self) { try registry(names) }
    }
}
