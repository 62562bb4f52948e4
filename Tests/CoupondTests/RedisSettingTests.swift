/// Where Redis is: one server, a cluster, or a master of Sentinel.
import CouponCore
import CouponRedis
import Testing

@testable import coupond

@Suite struct RedisSettingTests {
    private func address(_ host: String, _ port: Int) -> RedisAddress {
        .tcp(host: host, port: port)
    }

    private func read(_ text: String) -> RedisSetting? {
        try? RedisSetting(reading: text)
    }

    @Test func `each form is read`() {
        #expect(read("a:1") == .single(.tcp(host: "a", port: 1)))
        #expect(read("unix:/r") == .single(.unix(path: "/r")))
        #expect(
            read("cluster:a:1, [::1]:2") == .seeds(.cluster([address("a", 1), address("::1", 2)])))
        #expect(
            read("sentinel:sale@a:1,b:2")
                == .seeds(.sentinel(name: "sale", at: [address("a", 1), address("b", 2)])))
    }

    @Test(arguments: [
        ("a:1,b:2", "write cluster: or sentinel:NAME@ in front of them"),
        ("cluster:", "\"\" is not the address of a node of the cluster"),
        ("cluster:a:1,b", "\"b\" is not the address of a node of the cluster"),
        ("cluster:a:1,a:1", "a:1 is there twice"), ("cluster:a:0", "\"a:0\" is not"),
        ("cluster:unix:/r", "\"unix:/r\" is not"),
        ("sentinel:a:1", "needs the name under which the sentinels watch the master"),
        ("sentinel:@a:1", "needs the name"), ("sentinel://:topsecret@a:1", "needs the name"),
        ("sentinel:sale@a", "\"a\" is not the address of a sentinel"),
        ("sentinel:sale@", "\"\" is not the address of a sentinel"),
        ("unix:/" + String(repeating: "x", count: 107), "may have 107 bytes, this has 108"),
        ("unix:redis.sock", "the path of a unix socket must be absolute"),
        ("sentinel:sale@:topsecret@a:1", "a text with an @ (not shown) is not"),
    ])
    func `a mistake says what is wrong`(_ text: String, _ wanted: String) async throws {
        let found = await problems(flags: ["redis": text])
        #expect(found.map(\.origin) == ["--redis"])
        let problem = try #require(found.first).text
        #expect(problem.contains(wanted), "\(problem)")
        #expect(!problem.contains("topsecret"))
    }

    @Test func `a setting names a bounded number of servers`() async {
        let most = (1...64).map { "a:\($0)" }.joined(separator: ",")
        #expect(await problems(flags: ["redis": "cluster:" + most]) == [])
        let found = await problems(flags: ["redis": "cluster:\(most),a:65"])
        #expect(found.first?.text.contains("names 65 servers, and may name 64") == true)
    }

    @Test func `the address map belongs to a cluster or to Sentinel`() async throws {
        let map = "10.0.0.1:1=a:2, 10.0.0.2:1=a:3"
        let flags = ["redis": "cluster:a:2", "redis-address-map": map]
        let read = try await Configuration(flags: flags, environment: [:]).redisAddressMap
        #expect(read[address("10.0.0.2", 1)] == address("a", 3))
        #expect(read[address("10.0.0.3", 1)] == address("10.0.0.3", 1))
        #expect(
            await problems(flags: ["redis-address-map": map]).map(\.text)
                == ["redis-address-map needs a redis that begins with cluster: or sentinel:"])
        for bad in ["a:1", "a:1=b", "a:1=b:2=c:3", "a:1=b:2,a:1=b:3", "a:1=b:2,", "a:0=b:1"] {
            #expect(
                await problems(flags: ["redis": "cluster:a:1", "redis-address-map": bad]).count == 1
            )
        }
    }

    @Test func `a certificate is made for each host, or for one name`() async {
        for (name, isMistake) in [("10.0.0.1", true), ("redis.example", false)] {
            let flags = [
                "redis": "sentinel:sale@10.0.0.1:1", "redis-tls": "true",
                "redis-tls-server-name": name,
            ]
            #expect(await problems(flags: flags).isEmpty != isMistake)
        }
        #expect(await problems(flags: ["redis": "cluster:a:1", "redis-tls": "true"]) == [])
    }
}
