/// What pages and other programs promise about access, and no single test can show.
import Testing

@Suite struct AccessTests {
    @Test func `the unit allows more memory than the siege judges, and no core dumps`() throws {
        let unit = try #require(
            SourceFile.all(below: "systemd", endings: ["coupond.service"]).first)
        let report = try #require(
            SourceFile.all(below: "Tests/Siege", endings: ["SiegeReport.swift"]).first)
        let page = try #require(SourceFile.all(below: "docs", endings: ["LIMITS.md"]).first)
        let most = try #require(unit.text.firstMatch(of: /\nMemoryMax=(\d+)G\n/))
        let judged = try #require(report.text.firstMatch(of: /memoryBudget = (\d+)\.0\n/))
        #expect(page.text.contains("\(judged.1) MiB"))
        #expect(try #require(Int(most.1)) * 1_024 > 2 * (try #require(Int(judged.1))))
        #expect(unit.text.contains("\nLimitCORE=0\n"))
    }

    /// One place for each way to make a connection: there TLS, names and time limits are seen to.
    @Test func `only the dialer and the blocking connection connect to Redis`() {
        let connecting = SourceFile.all(below: "Sources/CouponRedis", endings: [".swift"]).filter {
            $0.code.contains { line in
                line.contains("redisConnect") || line.contains(".connect(host:")
                    || line.contains(".connect(unixDomainSocketPath:")
                    || line.contains(".connect(to: SocketAddress")
            }
        }
        #expect(
            connecting.map(\.path) == [
                "Sources/CouponRedis/Channel/RedisDialer.swift",
                "Sources/CouponRedis/Control/BlockingConnection.swift",
            ])
    }

    /// `==` of arrays ends at the first difference, and its time would tell a guesser how much is right.
    @Test func `tokens are compared in constant time, and nowhere else`() throws {
        let comparison =
            /[tT]oken\w* [!=]= (?!nil)|[!=]= \w*[tT]oken|[dD]igest\w* [!=]= (?!nil)|[!=]= \w*[dD]igest/
        let modules = ["CouponAccess", "CouponServer", "coupond"]
        let files = SourceFile.swiftSources.filter { modules.contains($0.module) }
        for file in files {
            #expect(!file.code.contains { $0.contains(comparison) }, "\(file.path)")
        }
        let using = files.filter { $0.text.contains("CRYPTO_memcmp(") }
        #expect(using.map(\.path) == ["Sources/CouponAccess/CallerToken.swift"])
        #expect(try #require(using.first).text.matches(of: /CRYPTO_memcmp\(/).count == 2)
        #expect(files.contains { $0.text.contains("areEqualInConstantTime(request.token, ") })
    }
}
