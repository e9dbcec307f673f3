import ArgumentParser
import Inference
import LeakageAssessment

@main
struct Infenclave: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "infenclave",
        abstract: "Image classification in a cloud that need not be trusted.",
        version: SoftwareVersions.program,
        subcommands: [
            Demo.self, Inspect.self, Run.self, Assess.self, Features.self, Partition.self, Serve.self, Provision.self,
            Attest.self,
            Keygen.self, Measure.self, MakePolicy.self, Classify.self, Bench.self,
        ])

    static func main() async {
        OpenMPEnvironment.prepare()
        await Self.main(nil)
    }
}
