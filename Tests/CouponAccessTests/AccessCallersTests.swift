import CouponAccess
import CouponDomain
import Testing

@Suite struct AccessCallersTests {
    private func known(_ text: String) throws -> Callers { Callers(try callers(text)) }

    @Test func `a peer is known by its certificate, else its user, else its socket`() throws {
        let known = try known(
            """
            shop roles=issuer certificate=DNS:shop.internal certificate=URI:spiffe://x/shop
            root roles=admin uid=0
            local roles=reader socket=/run/coupond.sock
            """)
        var peer = Peer(address: "", isLoopback: true)
        #expect(known.principal(of: peer) == .anonymous([]))
        peer.socketPath = "/run/coupond.sock"
        #expect(known.principal(of: peer).name == "local")
        peer.userID = 1_000
        #expect(known.principal(of: peer).name == "local")
        peer.userID = 0
        #expect(known.principal(of: peer).name == "root")
        peer.alternativeNames = ["DNS:other", "URI:spiffe://x/shop"]
        #expect(known.principal(of: peer).name == "shop")
        peer.alternativeNames = ["DNS:SHOP.internal"]
        #expect(known.principal(of: peer).name == "shop")
        peer.alternativeNames = ["shop.internal", "URI:spiffe://X/shop"]
        #expect(known.principal(of: peer).name == "root")
    }

    @Test func `a token is known by its digest only`() throws {
        let token = try #require(CallerToken())
        let known = try known("shop roles=issuer token=\(token.digest)")
        #expect(known.principal(provedBy: TokenDigest(of: Array(token.text.utf8)))?.name == "shop")
        #expect(
            known.principal(provedBy: TokenDigest(of: Array(token.text.utf8.dropLast()))) == nil)
        #expect(known.principal(provedBy: TokenDigest(of: [])) == nil)
        #expect(Callers().principal(provedBy: token.digest) == nil)
    }

    @Test func `anonymous may issue and read without a file, and what its line says with one`()
        throws
    {
        #expect(Callers().anonymous == .anonymous([.issuer, .reader]))
        #expect(!Callers().areConfigured)
        #expect(try known("").anonymous == .anonymous([]))
        #expect(try known("anonymous roles=reader").anonymous == .anonymous(.reader))
        #expect(try known("").areConfigured)
    }

    @Test func `tokens are random, and their digests are read as they are written`() throws {
        let tokens = (0..<10).compactMap { _ in CallerToken() }
        #expect(Set(tokens.map(\.text)).count == 10)
        for token in tokens {
            #expect(token.text.wholeMatch(of: /coupond_[0-9a-f]{64}/) != nil)
            #expect(TokenDigest("\(token.digest)") == token.digest)
        }
        let digest = TokenDigest(of: Array("abc".utf8))
        #expect(
            "\(digest)" == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        )
        #expect(TokenDigest("\(digest)".replacing("ba78", with: "BA78")) == digest)
        for text in [
            "", "sha256:", "sha256:ba", "\(digest)0", "\(digest)".replacing("b", with: "g"),
        ] {
            #expect(TokenDigest(text) == nil)
        }
    }

    @Test func `secrets are equal only as a whole`() {
        let secret = Array("open sesame".utf8)
        #expect(areEqualInConstantTime(secret, secret))
        for other in ["open sesamE", "open sesam", "open sesame ", ""] {
            #expect(!areEqualInConstantTime(secret, Array(other.utf8)))
        }
    }
}

@Suite struct CouponRangesTests {
    @Test func `a range has its ends, and nothing outside`() throws {
        let ranges = try #require(CouponRanges("5-7,20,6-9,10,9223372036854775807"))
        #expect("\(ranges)" == "5-10,20,9223372036854775807")
        let inside = [5, 6, 10, 20, Int64.max]
        let outside = [1, 4, 11, 19, 21, Int64.max - 1]
        #expect(inside.allSatisfy { ranges.contains(CouponID($0)) })
        #expect(!outside.contains { ranges.contains(CouponID($0)) })
    }
}
