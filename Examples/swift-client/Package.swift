// swift-tools-version:6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

let package = Package(
    name: "swift-client",
    dependencies: [.package(name: "infenclave", path: "../..")],
    targets: [
        .executableTarget(
            name: "classify",
            // Who sends tensors takes InfenclaveClient, which links no codec of pictures.
            dependencies: [.product(name: "InfenclaveImaging", package: "infenclave")])
    ],
    swiftLanguageModes: [.v6]
)
