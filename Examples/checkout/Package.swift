// swift-tools-version: 6.2
// A service of somebody else that gives coupons with its orders: Scripts/test-examples builds and runs it.
import PackageDescription

let package = Package(
    name: "checkout",
    dependencies: [
        .package(name: "coupond", path: "../.."),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    ],
    targets: [
        .executableTarget(
            name: "checkout",
            dependencies: [
                .product(name: "CouponClient", package: "coupond"),
                .product(name: "Hummingbird", package: "hummingbird"),
            ])
    ]
)
