// swift-tools-version:6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// The fuzzers: `make fuzz`. A separate package, because it is built with instrumentation that nothing else needs:
// `scripts/fuzz` gives the flags. The parsers and what is checked of them are in `Tests/FuzzEntryPoints` of the package
// above, where `make test` replays what was found.

let package = Package(
    name: "InfenclaveFuzz",
    dependencies: [.package(name: "infenclave", path: "..")],
    targets: [
        .executableTarget(
            name: "fuzz",
            dependencies: [.product(name: "FuzzEntryPoints", package: "infenclave")],
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .treatAllWarnings(as: .error),
                // libFuzzer has the entry point.
                .unsafeFlags(["-parse-as-library"]),
            ])
    ],
    swiftLanguageModes: [.v6]
)
