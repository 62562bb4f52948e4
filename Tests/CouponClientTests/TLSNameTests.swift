import Testing

@testable import CouponClient

@Suite struct TLSNameTests {
    @Test(arguments: [
        ("shop.example", "shop.example", true), ("Shop.Example", "sHOP.example.", true),
        ("a.shop.example", "*.shop.example", true), ("shop.example", "*.shop.example", false),
        ("a.b.shop.example", "*.shop.example", false), ("shop.example", "*.example", false),
        ("shop.example", "a*.example", false), ("localhost", "localhost", true),
        ("localhost", "*", false), ("shop.example", "shop.example.evil", false),
        ("shop.example", "", false),
    ])
    func `a certificate is for its names`(_ name: String, _ pattern: String, _ isFor: Bool) {
        #expect(TLSHandshake.matches(name, pattern) == isFor)
    }
}
