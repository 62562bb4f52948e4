/// Files with one mistake each: every message has the file, the line, the key, and what to write instead.
import TestSupport
import Testing

@testable import coupond

@Suite struct BadFileTests {
    private let folder: ConfigurationFolder

    init() throws { folder = try ConfigurationFolder() }

    /// The only mistake of a file with two good lines before this text, without the file's name.
    private func mistake(_ text: String) async throws -> String {
        let path = try folder.write("# A comment.\nmax-batch = 7\n" + text)
        let found = await problems(flags: ["config": path])
        #expect(found.count == 1, "\(found)")
        let line = found.first.map { "\($0)" } ?? ""
        #expect(line.hasPrefix(path + ":"), "\(line)")
        return String(line.dropFirst(path.count + 1))
    }

    @Test(arguments: [
        ("listen", "7070"), ("listen", "localhost"), ("listen", "localhost:http"),
        ("listen", "127.0.0.1:65536"), ("listen", "::1:7070"), ("listen", "127.0.0.1:7070;"),
        ("listen", "127.0.0.1:1,"), ("listen", ""),
        ("admin-listen", "off"), ("metrics-listen", "none"), ("metrics-listen", "unix:/run/m"),
        ("metrics-listen", ""), ("unix-socket-mode", "rw-rw----"), ("unix-socket-mode", "0980"),
        ("reuse-port", "yes"), ("reuse-port", "True"), ("reuse-port", "1"),
        ("proxies", "10.0.0.0/33"), ("proxies", "proxy.example"), ("event-loops", "0"),
        ("event-loops", "257"), ("event-loops", "all"), ("redis", "redis"), ("redis", "host:0"),
        ("redis", "redis://127.0.0.1:6379"), ("redis-wait-replicas", "-1"),
        ("redis-wait-timeout", "500"), ("redis-wait-timeout", "0s"), ("redis-wait-timeout", "2m"),
        ("allow-unsafe-redis", "no"), ("partitions", "0"), ("partitions", "1025"),
        ("partitions", "16 # sixteen"), ("max-connections", "20,000"),
        ("max-connections", "1e3"), ("max-connections-per-address", "none"),
        ("idle-timeout", "10 m"), ("idle-timeout", "1d"), ("user-rate", "0"),
        ("max-requests-in-flight", "many"), ("max-buffer-bytes", "256M"),
        ("max-frame-bytes", "65537"), ("backlog-per-coupon", "-5"), ("drain-timeout", "61s"),
        ("finished-retention", "0s"),
    ])
    func `a wrong value is named with its form`(_ key: String, _ value: String) async throws {
        let setting = try #require(Settings.all.first { $0.key == key })
        #expect(
            try await mistake("\(key) = \(value)\n")
                == "3: \(key) is \"\(value)\", and must be \(setting.expectation)")
    }

    @Test(arguments: [
        ("log-level", "warn", "warning"), ("log-level", "inof", "info"),
        ("log-level", "INFO", nil), ("log-format", "jsn", "json"), ("log-format", "txt", "text"),
    ])
    func `a word that is nearly right gets a hint`(
        _ key: String, _ value: String, _ wanted: String?
    ) async throws {
        let setting = try #require(Settings.all.first { $0.key == key })
        #expect(
            try await mistake("\(key) = \(value)\n")
                == "3: \(key) is \"\(value)\", and must be \(setting.expectation)"
                + (wanted.map { "; did you mean \($0)?" } ?? ""))
    }

    @Test(arguments: [
        ("listn", "listen"), ("max_batch", "max-batch"), ("maxbatch", "max-batch"),
        ("Listen", "listen"), ("log.level", "log-level"),
        ("redis-passwordfile", "redis-password-file"),
        ("postgress", "postgres"), ("tls-cert", "tls-certificate"),
        ("drain_timeout", "drain-timeout"),
        ("callers", "callers-file"), ("config", nil),
    ])
    func `a key that is nearly right gets a hint`(_ key: String, _ wanted: String?) async throws {
        #expect(
            try await mistake("\(key) = 1\n")
                == "3: unknown key \(key)" + (wanted.map { "; did you mean \($0)?" } ?? ""))
    }

    @Test(arguments: [
        ("partitions 16\n", "3: not of the form key = value"),
        ("[coupond]\n", "3: not of the form key = value"),
        ("partitions: 16\r\n", "3: not of the form key = value"),
        ("max-batch = 8\n", "3: max-batch is already set at FILE:2"),
        ("\n\r\n\tmax-batch\t=\t8\n", "5: max-batch is already set at FILE:2"),
        ("redis-user = a\0b\n", "3: has a control character"),
        ("redis-user = \u{1B}[2J\n", "3: has a control character"),
        ("redis-user = me\n", "3: redis-user needs redis-password-file"),
        (
            "backlog-per-coupon = 2\nbacklog-per-partition = 1\n",
            "3: backlog-per-coupon is 2, more than backlog-per-partition, 1"
        ),
        (
            "admin-token-file = /nowhere/token\n",
            "3: admin-token-file: /nowhere/token cannot be read: No such file or directory"
        ),
        ("admin-token-file = /\n", "3: admin-token-file: / is not a regular file"),
        (
            "redis-password-file = /nowhere/p\n",
            "3: redis-password-file: /nowhere/p cannot be read: No such file or directory"
        ),
        ("redis-tls-ca = /ca\n", "3: redis-tls-ca needs redis-tls"),
        ("tls-key = /key\n", "3: tls-certificate and tls-key need each other"),
        ("tls-client-ca = /ca\n", "3: tls-client-ca needs tls-certificate"),
        ("admin-listen = 127.0.0.1:7070\n", "3: admin-listen is the address of listen"),
        ("metrics-listen = localhost:7070\n", "3: metrics-listen is the address of listen"),
        (
            "unix-socket-group = nobody-has-it\n",
            "3: unix-socket-group is \"nobody-has-it\", which this machine does not know"
        ),
    ])
    func `other mistakes of one line are named`(_ text: String, _ message: String) async throws {
        let path = folder.folder.file("coupond.conf")
        #expect(try await mistake(text) == message.replacing("FILE", with: path))
    }

    @Test(arguments: [
        "\u{FEFF}max-batch = 7\n", "max-batch = 7\r\npartitions = 16\r\n", "\tmax-batch\t=\t7\t\n",
        "max-batch = 7", "max-batch=7\r", "\n\n  # max-batch = 9\nmax-batch = 7\n",
    ])
    func `what editors add is not a mistake`(_ text: String) async throws {
        let path = try folder.write(text)
        let configuration = try await Configuration(flags: ["config": path], environment: [:])
        #expect(configuration.maxBatch == 7)
    }
}
