// swift-tools-version: 6.2
// A package of somebody else that uses the client: `make test-client` builds and runs it.
import PackageDescription

let package = Package(
    name: "shop",
    dependencies: [.package(name: "coupond", path: "../..")],
    targets: [
        .executableTarget(
            name: "shop", dependencies: [.product(name: "CouponClient", package: "coupond")])
    ]
)
