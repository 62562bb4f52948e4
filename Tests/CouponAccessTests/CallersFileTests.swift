import CouponAccess
import CouponDomain
import Testing

/// Digests that no token is known for.
let digests = ["a", "b", "c"].map { "sha256:" + String(repeating: $0, count: 64) }

func callers(_ text: String) throws -> CallersFile { try CallersFile(Array(text.utf8)) }

func problems(_ text: String) -> [String] {
    do throws(CallersFileError) {
        _ = try CallersFile(Array(text.utf8))
        return []
    } catch {
        return error.lines(path: "callers")
    }
}

@Suite struct CallersFileTests {
    @Test func `a line has a principal with its proofs and its limits`() throws {
        let entries = try callers(
            """
            # The shop.
            checkout roles=issuer,reader token=\(digests[0]) token=\(digests[1]) \
            certificate=DNS:Checkout.Internal socket=/run/coupond/checkout.sock uid=1001 \
            coupons=1-1000,2001 rate=5000 user-rate=5 connections=100 expires=2027-01-01T00:00:00Z

            anonymous roles=reader
            """
        ).entries
        try #require(entries.map(\.principal.name) == ["checkout", "anonymous"])
        #expect(entries.map(\.line) == [2, 4])
        let checkout = entries[0].principal
        #expect(checkout.roles == [.issuer, .reader])
        #expect(checkout.coupons == CouponRanges("2001,1-1000"))
        #expect(checkout.requestsPerSecond == 5_000 && checkout.requestsPerSecondOfUser == 5)
        #expect(checkout.connections == 100)
        #expect(checkout.expiresAt == Timestamp(microseconds: 1_798_761_600_000_000))
        let tokens = try digests.prefix(2).map { Proof.token(try #require(TokenDigest($0))) }
        #expect(
            entries[0].proofs == tokens + [
                .certificate("DNS:checkout.internal"), .socket("/run/coupond/checkout.sock"),
                .user(1_001),
            ])
        #expect(entries[1].principal == .anonymous(.reader) && entries[1].proofs.isEmpty)
    }

    @Test func `Windows line ends, tabs and a byte order mark are read`() throws {
        let text = "\u{FEFF}# shop\r\na\troles=admin  uid=1\r\n\r\n"
        #expect(try callers(text).entries.map(\.line) == [2])
        #expect(try callers("").entries.isEmpty)
    }

    @Test(
        arguments: [
            ("a roles=admin uid=1 b", "b is not a field: write key=value"),
            ("a uid=1", "roles is missing"),
            (
                "a roles=boss uid=1",
                "roles must be one or more of issuer, reader, watcher, operator, admin"
            ),
            ("a roles= uid=1", "roles must be"),
            ("a roles=admin", "nothing proves that a caller is a"),
            ("a roles=admin roles=admin uid=1", "roles is there twice"),
            ("a roles=admin token=coupond_1", "token must be sha256: and 64 hexadecimal digits"),
            ("a roles=admin certificate=CN:x", "certificate must be DNS:name or URI:name"),
            ("a roles=admin certificate=DNS:", "certificate must be"),
            ("a roles=admin socket=run", "socket must be the absolute path"),
            ("a roles=admin uid=x", "uid must be"), ("a roles=admin uid=-1", "uid must be"),
            ("a roles=admin uid=1 coupons=5-1", "coupons must be positive ids and ranges"),
            ("a roles=admin uid=1 coupons=", "coupons must be"),
            ("a roles=admin uid=1 coupons=0", "coupons must be"),
            ("a roles=admin uid=1 coupons=+1", "coupons must be"),
            ("a roles=admin uid=1 coupons=1-2-3", "coupons must be"),
            ("a roles=admin uid=1 rate=0", "rate must be a whole number from 1 to 1000000000"),
            ("a roles=admin uid=1 user-rate=many", "user-rate must be"),
            ("a roles=admin uid=1 connections=-1", "connections must be"),
            ("a roles=admin uid=1 expires=soon", "expires must be a time such as"),
            ("anonymous roles=issuer uid=1", "anonymous stands for callers who prove nothing"),
            (
                "anonymous roles=issuer connections=9",
                "anonymous cannot have connections: every connection begins as anonymous"
            ),
            (
                "admin-token roles=admin uid=1",
                "admin-token stands for callers with the admin token"
            ),
            ("ü roles=admin uid=1", "a line begins with a principal's name"),
            ("roles=admin uid=1", "a line begins with a principal's name"),
        ] as [(String, String)])
    func `a mistake has its line, and says what is expected`(_ line: String, _ text: String) {
        let found = problems("# first\n" + line)
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.hasPrefix("callers:2: " + text) == true, "\(found)")
    }

    @Test func `all mistakes are reported at once`() {
        let found = problems(
            """
            a roles=x
            b roles=admin uid=1 rate=x what=1
            c roles=admin uid=2
            c roles=admin uid=3
            """)
        #expect(
            found.map { $0.prefix(10) } == [
                "callers:1:", "callers:1:", "callers:2:", "callers:2:", "callers:4:",
            ], "\(found)")
    }

    @Test func `two principals with one proof are a mistake, and so is a third token`() {
        let one = "a roles=admin token=\(digests[0])\nb roles=reader token=\(digests[0])"
        #expect(
            problems(one) == [
                "callers:2: token is already in line 1: it must name one principal"
            ])
        for proof in ["uid=5", "socket=/a", "certificate=URI:x:y"] {
            #expect(problems("a roles=admin \(proof)\nb roles=reader \(proof)").count == 1)
        }
        #expect(
            problems("a roles=admin certificate=DNS:x\nb roles=admin certificate=DNS:X").count == 1)
        let three = digests.map { "token=\($0)" }.joined(separator: " ")
        #expect(problems("a roles=admin \(three)").first?.contains("more than 2 tokens") == true)
    }

    @Test func `a token in the wrong place is not quoted`() {
        let token = "coupond_0123456789"
        for line in [
            "a roles=admin \(token)", "a roles=admin token=\(token)",
            "a roles=admin \(token)=1 uid=1",
            "a roles=\(token) uid=1", "a roles=admin uid=\(token)",
            "a roles=admin token=sha256:\(token)",
        ] {
            let found = problems(line).joined()
            #expect(!found.isEmpty && !found.contains(token), "\(found)")
        }
    }

    @Test func `a file that is too large or not text is refused`() {
        #expect(throws: CallersFileError.self) { try CallersFile([0x61, 0xFF]) }
        let large = [UInt8](repeating: 0x23, count: CallersFile.maximumBytes + 1)
        #expect(throws: CallersFileError.self) { try CallersFile(large) }
        let most = (0..<CallersFile.maximumPrincipals).map { "p\($0) roles=issuer uid=\($0)\n" }
        #expect(problems(most.joined()).isEmpty)
        #expect(problems(most.joined() + "last roles=issuer uid=4000000\n").count == 1)
    }
}
