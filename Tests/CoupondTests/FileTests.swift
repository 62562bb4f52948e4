/// Files and variables as people, editors and container platforms write them.
import CouponCore
import Foundation
import TestSupport
import Testing

@testable import coupond

@Suite struct FileTests {
    private let folder: ConfigurationFolder

    init() throws { folder = try ConfigurationFolder() }

    private func file(_ bytes: [UInt8]) throws -> String {
        let path = folder.folder.file("secret")
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test(arguments: [
        "hush", "hush\n", "hush\r\n", "hush\nnot this", "hush\r\nnot this\r\n", "\u{FEFF}hush\n",
        "hush\r",
    ])
    func `a secret is the first line of its file, whatever the editor`(_ text: String) throws {
        #expect(try secret(inFile: file(Array(text.utf8)), limit: 4) == Array("hush".utf8))
    }

    @Test(
        arguments: [
            ([], "has no first line of text"),
            (Array("\nnot this".utf8), "has no first line of text"),
            (Array("\u{FEFF}\r\n".utf8), "has no first line of text"),
            (Array("hushhush".utf8), "has a first line of more than 4 bytes"),
            ([0xFF, 0xFE, 0x68, 0x00], "is not UTF-8 text"), ([0x68, 0xE9], "is not UTF-8 text"),
        ] as [([UInt8], String)])
    func `a secret that cannot be used is an error that does not quote it`(
        _ bytes: [UInt8], _ text: String
    ) throws {
        let path = try file(bytes)
        let error = #expect(throws: SecretError.self) { try secret(inFile: path, limit: 4) }
        #expect(error?.description == "\(path) \(text)")
    }

    @Test func `a pipe or a folder in place of a secret is an error at once`() throws {
        let pipe = folder.folder.file("pipe")
        #expect(unsafe mkfifo(pipe, 0o600) == 0)
        for path in [pipe, folder.folder.path, "/dev/zero"] {
            let error = #expect(throws: SecretError.self) { try secret(inFile: path, limit: 4) }
            #expect(error?.description == "\(path) is not a regular file")
        }
    }

    @Test func `a secret written in place of its file's path is not quoted`() async {
        let errors = await problems(
            flags: ["admin-token-file": "hunter2", "redis-password-file": "/nowhere/hunter"])
        #expect(
            errors.map(\.text) == [
                "redis-password-file: /nowhere/hunter cannot be read: No such file or directory",
                "admin-token-file: the file cannot be read: No such file or directory",
            ])
    }

    @Test func `a token longer than a request may carry is a mistake`() async throws {
        let path = try file(Array(repeating: UInt8(ascii: "a"), count: 1_025))
        #expect(
            await problems(flags: ["admin-token-file": path]).map(\.text)
                == ["admin-token-file: \(path) has a first line of more than 1024 bytes"])
        let short = try file(Array("fifteen letters\n".utf8))
        #expect(
            await problems(flags: ["admin-token-file": short]).map(\.text) == [
                "admin-token-file: \(short) has a token of less than 16 bytes, which can be guessed: "
                    + "openssl rand -hex 32 makes one that cannot"
            ])
        let open = try file(Array("sixteen letters!\n".utf8))
        #expect(await problems(flags: ["admin-token-file": open]) == [])
        unsafe chmod(open, 0o620)
        #expect(
            await problems(flags: ["admin-token-file": open]).map(\.text) == [
                "admin-token-file: \(open) can be written by users other than its owner: "
                    + "they could become admins. Run chmod go-w on it"
            ])
        #expect(await problems(flags: ["redis-password-file": path]) == [])
    }

    @Test(arguments: [
        "host=/run dbname=coupond password=s3cr%et hots=x", "postgresql://u:s3cr%et@h/coupond",
        "host=h password='s3cr%et", "host=h port=s3cr%et", "password=a s3cr%et b=\"c",
        "postgresql://u:s3@s3cret@db/coupond", "postgres://u:x@a,s3cret@b/coupond",
    ])
    func `a broken connection string is a mistake that does not quote it`(_ text: String) async {
        let errors = await problems(flags: ["postgres": text])
        #expect(errors.map(\.origin) == ["--postgres"])
        for error in errors {
            #expect(
                error.text.hasPrefix("postgres is not a connection string that libpq can read: "))
            #expect(!error.text.contains("s3cr"), "\(error)")
            #expect(!error.text.contains("hots"), "\(error)")
        }
    }

    @Test(arguments: [
        ("sslmode=verify-ful", "sslmode"), ("host=h target_session_attrs=writable", "target"),
        ("sslrootcert=/nowhere/s3cret", "sslrootcert names a file that cannot be read"),
        ("service=s3cret", "service"),
        (
            "host=/" + String(repeating: "x", count: 93),
            "may have 107 bytes, and the one in the folder that host names has 108"
        ),
    ])
    func `a value that libpq would refuse at its first connection is a mistake`(
        _ text: String, _ name: String
    ) async {
        let errors = await problems(flags: ["postgres": text])
        #expect(errors.count == 1 && errors[0].text.contains(name), "\(errors)")
        #expect(!"\(errors)".contains("s3cret"))
    }

    @Test func `PostgreSQL's password is in the string or in the file`() async throws {
        let path = try file(Array("hush\n".utf8))
        let flags = ["postgres-password-file": path]
        #expect(await problems(flags: flags) == [])
        for text in ["host=h password=x", "postgres://u:x@h/d"] {
            let errors = await problems(flags: flags.merging(["postgres": text]) { $1 })
            #expect(errors.map(\.text) == ["postgres has a password already"])
        }
        #expect(
            await problems(flags: ["postgres-password-file": "/nowhere/file"]).map(\.text) == [
                "postgres-password-file: /nowhere/file cannot be read: No such file or directory"
            ])
    }

    @Test func `mistakes in the settings for TLS to Redis are found together`() async throws {
        let path = try file(Array("no certificate\n".utf8))
        #expect(
            await problems(flags: ["redis-tls-ca": path, "redis-tls-server-name": "h"]).map(\.text)
                == ["redis-tls-ca needs redis-tls", "redis-tls-server-name needs redis-tls"])
        #expect(
            await problems(flags: [
                "redis-tls": "true", "redis": "unix:/run/redis.sock", "redis-tls-key": path,
            ]).map(\.text) == [
                "redis-tls needs a redis of the form host:port",
                "redis-tls-key needs redis-tls-certificate",
            ])
        #expect(
            await problems(flags: ["redis-tls": "true", "redis-tls-ca": path]).map(\.text)
                == ["redis-tls-ca: the file has no certificate in PEM"])
        #expect(
            await problems(flags: ["redis-tls": "true", "redis-tls-ca": "/nowhere/ca"]).map(\.text)
                == ["redis-tls-ca: /nowhere/ca cannot be read: No such file or directory"])
        #expect(await problems(flags: ["redis-tls": "true"]) == [])
        for (redis, name, isMistake) in [
            ("10.0.0.1:6379", "10.0.0.2", true), ("redis.example:6379", "10.0.0.2", true),
            ("10.0.0.1:6379", "10.0.0.1", false), ("10.0.0.1:6379", "redis.example", false),
        ] {
            let flags = ["redis-tls": "true", "redis": redis, "redis-tls-server-name": name]
            #expect(
                await problems(flags: flags).map(\.text)
                    == (isMistake
                        ? ["redis-tls-server-name must be a name, or the IP address in redis"]
                        : []))
        }
    }

    @Test(arguments: [
        "coupond", "host=/run dbname=coupond", "postgresql:///coupond?host=/run",
        "host=a,b port=5432,5433", "host=@run", "postgres://user:s%3Cret@[::1]:5432/coupond",
    ])
    func `a good connection string is not a mistake`(_ text: String) async {
        #expect(await problems(flags: ["postgres": text]) == [])
    }

    @Test func `a password in an address or in a line without a key is not quoted`() async throws {
        let path = try folder.write(
            "postgresql://u:topsecret@h/db?sslmode=disable\nredis = redis://:topsecret@h:6379\n")
        let errors = await problems(flags: ["config": path], environment: [:])
        let address = await problems(environment: ["COUPOND_REDIS": "redis://:topsecret@h:6379"])
        #expect(errors.map(\.origin) == ["\(path):1"])
        #expect(address.map(\.origin) == ["COUPOND_REDIS"])
        #expect(!"\(errors) \(address)".contains("topsecret"))
    }

    @Test func `a configuration with a byte order mark is read`() async throws {
        let path = try folder.write("\u{FEFF}partitions = 3\r\nmax-batch = 4\r\n")
        let configuration = try await Configuration(flags: ["config": path], environment: [:])
        #expect(configuration.partitions == 3 && configuration.maxBatch == 4)
    }

    @Test func `listen and metrics-listen may not be one address`() async {
        let open = ["allow-plaintext": "true", "allow-anonymous-callers": "true"]
        for (listen, metrics) in [
            ("127.0.0.1:7070", "127.0.0.1:7070"), ("[::]:7070", "127.0.0.1:7070"),
            ("localhost:7070", "127.0.0.1:7070"), ("h:1", "0.0.0.0:1"),
        ] {
            let errors = await problems(
                flags: ["listen": listen, "metrics-listen": metrics].merging(open) { $1 })
            #expect(errors.map(\.text) == ["metrics-listen is the address of listen"])
        }
        for (listen, metrics) in [
            ("127.0.0.1:7070", "127.0.0.2:7070"), ("[::1]:7070", "127.0.0.1:7070"),
            ("127.0.0.1:0", "127.0.0.1:0"),
        ] {
            let flags = ["listen": listen, "metrics-listen": metrics].merging(open) { $1 }
            #expect(await problems(flags: flags) == [])
        }
    }

    @Test func `variables that Kubernetes and Docker add are ignored and named`() async throws {
        let platform = [
            "COUPOND_SERVICE_HOST": "10.0.0.1", "COUPOND_SERVICE_PORT": "7070",
            "COUPOND_SERVICE_PORT_METRICS": "7071", "COUPOND_PORT": "tcp://10.0.0.1:7070",
            "COUPOND_PORT_7070_TCP": "tcp://10.0.0.1:7070", "COUPOND_PORT_7070_TCP_PROTO": "tcp",
            "COUPOND_PORT_7070_TCP_PORT": "7070", "COUPOND_PORT_7070_TCP_ADDR": "10.0.0.1",
            "COUPOND_METRICS_SERVICE_HOST": "10.0.0.2",
        ]
        let configuration = try await Configuration(flags: [:], environment: platform)
        #expect(configuration.foreignVariables == platform.keys.sorted())
        #expect(
            await problems(environment: ["COUPOND_REDIS_PORT": "6380"]).map(\.origin)
                == ["environment"])
    }

    @Test func `every variable that this repository names is known`() async throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let pattern = /COUPOND_[A-Z0-9_]*[A-Z0-9]/
        var names: Set<String> = []
        for place in [
            "Package.swift", "Makefile", "README.md", "docs", "Scripts", "Clients/python", ".ci",
        ] {
            let folder = root.appending(path: place)
            let below = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
            for file in [folder] + (below?.compactMap { $0 as? URL } ?? []) {
                guard let text = try? String(contentsOf: file, encoding: .utf8) else { continue }
                names.formUnion(text.matches(of: pattern).map { String($0.0) })
            }
        }
        #expect(names.contains("COUPOND_FUZZ"))
        // Pages show constants of the client in C.
        let header = root.appending(path: "Clients/c/coupond.h")
        let constants = try String(contentsOf: header, encoding: .utf8).matches(of: pattern)
        names.subtract(constants.map { String($0.0) })
        let known = Set(Settings.all.map(\.variable))
        for name in names.subtracting(known) {
            #expect(await problems(environment: [name: "x"]) == [], "\(name)")
        }
    }
}
