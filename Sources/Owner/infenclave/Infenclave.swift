import ArgumentParser
import Inference

@main
struct Infenclave: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "infenclave",
        abstract: "Image classification in a cloud that need not be trusted.",
        version: "0.1.0",
        subcommands: [
            Demo.self, Inspect.self, Run.self, Assess.self, Partition.self, Serve.self, Provision.self, Attest.self,
            Keygen.self, Measure.self, MakePolicy.self, Classify.self, Bench.self,
        ])

    static func main() async {
        OpenMPEnvironment.prepare()
        await Self.main(nil)
    }
}
