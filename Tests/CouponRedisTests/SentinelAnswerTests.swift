/// What sentinels answer, and what the daemon makes of it.
import CouponCore
import Testing

@testable import CouponRedis

private func text(_ text: String) -> Reply { .bytes(Array(text.utf8)) }

private func texts(_ words: String...) -> Reply { .array(words.map(text)) }

@Suite struct SentinelAnswerTests {
    private let address = texts("10.0.0.1", "6379")
    private let master = texts(
        "name", "sale", "ip", "10.0.0.1", "port", "6379", "flags", "master", "config-epoch", "5")

    private func read(_ replies: [Reply]) throws(TopologyFlaw) -> Topology {
        try SentinelAnswer(replies, master: "sale", AddressMap()).topology
    }

    private func flaw(_ replies: [Reply]) -> String? {
        do throws(TopologyFlaw) {
            _ = try read(replies)
            return nil
        } catch {
            return error.text
        }
    }

    @Test func `the master has its address, and the config epoch as its term`() throws {
        let topology = try read([address, master, address])
        #expect(topology.kind == .sentinel && topology.epoch == 5)
        let node = try #require(topology.nodes.first)
        #expect(node.id.name == "sale" && node.term == 5)
        #expect(node.address == .tcp(host: "10.0.0.1", port: 6_379))
    }

    /// The new config epoch is known before the new address.
    @Test func `an address that changes around the config epoch is not used with it`() {
        let other = texts("10.0.0.2", "6379")
        #expect(flaw([address, master, other])?.contains("while it was read") == true)
    }

    @Test func `an error says what is wrong`() {
        let unknown = Reply.error("ERR No such master with that name")
        #expect(flaw([.none, unknown, .none])?.contains("with the name sale") == true)
        let redis = Reply.error("ERR unknown command 'SENTINEL', with args beginning with: ")
        #expect(flaw([redis, redis, redis])?.contains("is not a sentinel") == true)
        #expect(flaw([address, texts("name", "sale"), address]) != nil)
        #expect(flaw([texts("10.0.0.1", "0"), master, texts("10.0.0.1", "0")]) != nil)
        #expect(flaw([]) != nil)
    }

    /// What a sentinel says that knows a failover.
    private func answer(epoch: Int, others: Int = 2) throws -> SentinelAnswer {
        let address = texts("10.0.0.\(epoch + 1)", "6379")
        let master = texts("config-epoch", "\(epoch)", "num-other-sentinels", "\(others)")
        return try SentinelAnswer([address, master, address], master: "sale", AddressMap())
    }

    /// One sentinel may have missed any number of failovers.
    @Test func `the latest master that a majority knows is believed`() throws {
        let (old, new) = (try answer(epoch: 0), try answer(epoch: 2))
        #expect(SentinelAnswer.latest(of: [], listed: 3) == nil)
        #expect(SentinelAnswer.latest(of: [old], listed: 3) == nil)
        #expect(SentinelAnswer.latest(of: [old, new], listed: 3) == new.topology)
        #expect(SentinelAnswer.latest(of: [new, old], listed: 3) == new.topology)
        #expect(SentinelAnswer.latest(of: [new, old], listed: 4) == nil)
        let complaint = SentinelAnswer.complaint(about: [old], listed: 3)
        #expect(complaint == "1 of the sentinels answered, and a majority is 2")
    }

    @Test func `a setting that names a minority of the sentinels is refused`() throws {
        let answers = [try answer(epoch: 1, others: 4), try answer(epoch: 1, others: 4)]
        #expect(SentinelAnswer.latest(of: answers, listed: 2) == nil)
        let complaint = SentinelAnswer.complaint(about: answers, listed: 2)
        #expect(complaint == "redis names 2 of the sentinels, and a majority is 3: name them all")
    }

    @Test func `a Redis that writes without replicas is refused with Sentinel`() {
        func complaints(_ replicas: String, demanded: Bool) -> [String] {
            RedisServerInfo(
                info: text("role:master\r\n"),
                config: texts(
                    "appendonly", "yes", "appendfsync", "always", "no-appendfsync-on-rewrite", "no",
                    "maxmemory-policy", "noeviction", "min-replicas-to-write", replicas),
                demandsReplicas: demanded
            ).complaints
        }
        #expect(complaints("0", demanded: false) == [])
        #expect(complaints("1", demanded: true) == [])
        #expect(
            complaints("0", demanded: true).first?.contains("min-replicas-to-write is 0") == true)
    }
}
