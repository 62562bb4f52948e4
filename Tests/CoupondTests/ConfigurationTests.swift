/// Where values come from, and which are refused.
import TestSupport
import Testing

@testable import coupond

@Suite struct ConfigurationTests {
    @Test func `flags win over variables, variables over the file, the file over defaults`()
        async throws
    {
        let folder = try ConfigurationFolder()
        let file = try folder.write(
            """
            # A comment, and an empty line.

            max-batch = 1
            partitions=2\r
            \tpostgres = host=/run dbname='a # not a comment'
            max-connections = 3
            """)
        let configuration = try await Configuration(
            flags: ["config": file, "max-batch": "10"],
            environment: [
                "COUPOND_MAX_BATCH": "20", "COUPOND_PARTITIONS": "30", "OTHER_VARIABLE": "x",
            ])
        #expect(configuration.maxBatch == 10)
        #expect(configuration.partitions == 30)
        #expect(configuration.maxConnections == 3)
        #expect(configuration.postgres == "host=/run dbname='a # not a comment'")
        #expect(configuration.listen == [.tcp(host: "127.0.0.1", port: 7070)])
        #expect(configuration.drainTimeout == .seconds(10))
        #expect(configuration.eventLoops >= 1)
        #expect(configuration.adminTokenFile == nil)
    }

    @Test func `the printed settings are a file, and say where each value comes from`()
        async throws
    {
        let folder = try ConfigurationFolder()
        let file = try folder.write("\nmax-batch = 7\n")
        let configuration = try await Configuration(
            flags: ["config": file, "partitions": "3"],
            environment: ["COUPOND_LOG_LEVEL": "debug"])
        let printed = configuration.asFile
        for lines in [
            "# \(file):2\nmax-batch = 7\n", "# --partitions\npartitions = 3\n",
            "# COUPOND_LOG_LEVEL\nlog-level = debug\n", "# default\nredis-user =\n",
        ] {
            #expect((printed + "\n").contains(lines), "\(printed)")
        }
        let again = try await Configuration(
            flags: ["config": try folder.write(printed)], environment: [:])
        func values(_ text: String) -> [Substring] {
            text.split(separator: "\n").filter { !$0.hasPrefix("#") }
        }
        #expect(values(again.asFile) == values(printed))
        #expect(values(printed).count == Settings.inFile.count)
    }

    @Test(
        arguments: [
            "host=db user='a b' password=geheim", "postgresql://me:geheim@db/coupond",
            "postgresql://db/coupond?password=geheim", "password='geheim\\' more' host=db",
        ])
    func `the printed settings have no password`(_ connection: String) async throws {
        let configuration = try await Configuration(
            flags: ["postgres": connection], environment: [:])
        #expect(!configuration.asFile.contains("geheim"))
        #expect(configuration.asFile.contains("host=db"))
        #expect(configuration.asFile.contains("password='(not shown)'"))
    }

    @Test func `a variable may name the file, and a missing file is an error`() async throws {
        let file = try ConfigurationFolder()
        let path = try file.write("partitions = 7")
        let configuration = try await Configuration(
            flags: [:], environment: ["COUPOND_CONFIG": path])
        #expect(configuration.partitions == 7)
        let missing = await problems(flags: ["config": path + ".missing"])
        #expect(missing.map(\.origin) == [path + ".missing"])
    }

    @Test func `unknown names are errors with a suggestion`() async throws {
        let folder = try ConfigurationFolder()
        let file = try folder.write("max-conections = 1\n\nwholly-different-thing = 2\nconfig = /x")
        #expect(
            await problems(flags: ["config": file], environment: ["COUPOND_LISTN": "x"]).map(
                \.description)
                == [
                    "environment: unknown variable COUPOND_LISTN; did you mean COUPOND_LISTEN?",
                    "\(file):1: unknown key max-conections; did you mean max-connections?",
                    "\(file):3: unknown key wholly-different-thing",
                    "\(file):4: unknown key config",
                ])
    }

    @Test func `a line that is not a setting, and a repeated key, are errors`() async throws {
        let folder = try ConfigurationFolder()
        let file = try folder.write("partitions = 1\npartitions = 2\nverbose")
        #expect(
            await problems(flags: ["config": file]).map(\.description)
                == [
                    "\(file):2: partitions is already set at \(file):1",
                    "\(file):3: not of the form key = value",
                ])
    }

    @Test func `settings are checked against each other`() async throws {
        let backlog = await problems(
            flags: ["backlog-per-coupon": "11"],
            environment: ["COUPOND_BACKLOG_PER_PARTITION": "10"])
        #expect(backlog.map(\.origin) == ["--backlog-per-coupon"])
        #expect(await problems(flags: ["redis-user": "x"]).map(\.origin) == ["--redis-user"])
    }
}

@Suite struct FormTests {
    @Test(arguments: [
        ("0s", Duration.zero), ("500ms", .milliseconds(500)), ("10s", .seconds(10)),
        ("24h", .seconds(86_400)), ("90m", .seconds(5_400)),
    ])
    func `durations are a number and a unit`(_ text: String, _ duration: Duration) {
        #expect(Duration(brief: text) == duration)
        #expect(duration.brief == text)
    }

    @Test(arguments: [
        "", "s", "10", "10 s", "-1s", "1.5s", "1d", "99999999999999999999s", "9000000000000000h",
    ])
    func `other texts are not durations`(_ text: String) {
        #expect(Duration(brief: text) == nil)
    }

    @Test(arguments: ["listen", "admin-listen", "redis"])
    func `a path that is too long for a unix socket is named with its length`(
        _ key: String
    ) async {
        let longest = "unix:/" + String(repeating: "x", count: 106)
        #expect(EndpointSetting(longest) != nil)
        let found = await problems(flags: [key: longest + "x"])
        #expect(found.map(\.origin) == ["--\(key)"])
        #expect(
            found.first?.text.contains("the path of a unix socket may have 107 bytes, this has 108")
                == true, "\(found)")
    }

    @Test func `a path of a unix socket that is not absolute is named`() async {
        let found = await problems(flags: ["listen": "unix:run/callers.sock"])
        #expect(
            found.map(\.text).first?.hasSuffix("; the path of a unix socket must be absolute")
                == true, "\(found)")
    }

    @Test func `endpoints are TCP or unix`() {
        #expect(EndpointSetting("localhost:1") == .tcp(host: "localhost", port: 1))
        #expect(EndpointSetting("[::1]:70") == .tcp(host: "::1", port: 70))
        #expect(EndpointSetting("unix:/run/r.sock") == .unix(path: "/run/r.sock"))
        for text in ["", ":1", "host", "host:", "host:65536", "::1:70", "unix:relative", "host:-1"]
        {
            #expect(EndpointSetting(text) == nil, "\(text)")
        }
    }
}
