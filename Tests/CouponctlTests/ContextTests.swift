import TestSupport
import Testing

@testable import couponctl

@Suite struct ContextTests {
    private let prod = ["address": "coupons.example:7070", "tls": "true"]

    @Test func `contexts are the same after a file is written and read`() throws {
        var contexts = Contexts()
        contexts.add("prod", prod)
        contexts.add("test", ["address": "unix:/run/a = b.sock"])
        #expect(contexts.current == "prod", "the first one")
        let used = (contexts.use("test"), contexts.use("other"))
        #expect(used == (true, false))
        let read = try Contexts(contexts.text)
        #expect(read == contexts)
        #expect(try Contexts("# a comment\r\n\n" + contexts.text) == contexts)
        #expect(try Contexts(contexts.text.replacing("\n", with: "\r\n")) == contexts)
    }

    @Test func `a context sets the variables of its options`() {
        var contexts = Contexts()
        contexts.add("prod", prod)
        #expect(
            contexts.variables(of: "prod")
                == ["COUPONCTL_ADDRESS": "coupons.example:7070", "COUPONCTL_TLS": "true"])
        #expect(contexts.variables(of: "other") == nil)
    }

    @Test func `a context that is removed is not current any more`() {
        var contexts = Contexts()
        contexts.add("prod", prod)
        let removed = (contexts.remove("prod"), contexts.remove("prod"))
        #expect(removed == (true, false))
        #expect(contexts == Contexts())
    }

    @Test func `a file that a Windows editor wrote is read`() throws {
        let folder = try TemporaryFolder()
        let file = try #require(ContextsFile(["XDG_CONFIG_HOME": folder.path]))
        var contexts = Contexts()
        contexts.add("prod", prod)
        try file.write(contexts)
        _ = try folder.write(
            "\u{FEFF}" + contexts.text.replacing("\n", with: "\r\n"), to: "couponctl/contexts")
        #expect(try file.read() == contexts)
    }

    @Test(arguments: [
        ("[a]\naddress: b", "line 2 is neither [NAME] nor KEY = VALUE"),
        ("[a]\ncolour = red", "line 2: unknown key colour"),
        ("address = b", "line 1: unknown key address"),
    ])
    func `a mistake in the file is named with its line`(_ text: String, _ mistake: String) {
        #expect(throws: Contexts.Mistake(description: mistake)) { try Contexts(text) }
    }

    @Test func `names fit between brackets`() {
        for name in ["prod", "eu-1.test_2"] { #expect(Contexts.isName(name)) }
        for name in ["", "a b", "a]", "é", "a\nb"] { #expect(!Contexts.isName(name)) }
    }
}
