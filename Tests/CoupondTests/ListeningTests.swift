/// Where the daemon may listen, and what protects its callers.
import ArgumentParser
import TestSupport
import Testing

@testable import coupond

@Suite struct ListeningTests {
    private static let beyond = [
        "0.0.0.0:7070", "[::]:7070", "192.0.2.1:7070", "shop.example:7070", "128.0.0.1:7070",
    ]
    private static let local = [
        "127.0.0.1:7070", "127.8.9.1:7070", "[::1]:7070", "localhost:7070", "unix:/run/c.sock",
    ]

    @Test func `several addresses are one value, from one line or from many`() async throws {
        let wanted: [EndpointSetting] = [
            .tcp(host: "::1", port: 1), .unix(path: "/run/c.sock"),
            .tcp(host: "127.0.0.1", port: 2),
        ]
        let folder = try ConfigurationFolder()
        let file = try folder.write(
            "listen = [::1]:1\nlisten = unix:/run/c.sock, 127.0.0.1:2\n")
        #expect(
            try await Configuration(flags: ["config": file], environment: [:]).listen == wanted)
        let options = try Options.parse([
            "--listen", "[::1]:1", "--listen", "unix:/run/c.sock,127.0.0.1:2",
        ])
        #expect(
            try await Configuration(flags: options.flags, environment: [:]).listen == wanted)
        // A flag replaces the lines of the file.
        let one = try await Configuration(
            flags: ["config": file, "listen": "127.0.0.1:3"], environment: [:])
        #expect(one.listen == [.tcp(host: "127.0.0.1", port: 3)])
        for text in ["", ",", "127.0.0.1:1,", "unix:relative", "127.0.0.1"] {
            #expect(await problems(flags: ["listen": text]).map(\.origin) == ["--listen"])
        }
    }

    @Test func `an address that is listed twice is a mistake`() async {
        #expect(
            await problems(flags: ["listen": "127.0.0.1:1,unix:/c,127.0.0.1:1,unix:/c"])
                .map(\.text) == ["listen has 127.0.0.1:1 twice", "listen has unix:/c twice"])
        #expect(
            await problems(flags: ["listen": "unix:/c", "admin-listen": "unix:/c"]).map(\.text)
                == ["admin-listen is the address of listen"])
        #expect(
            await problems(flags: ["admin-listen": "127.0.0.1:7071"]).map(\.text)
                == ["metrics-listen is the address of admin-listen"])
    }

    @Test(arguments: beyond)
    func `beyond this machine there is TLS and identity, or the settings say that there is none`(
        _ address: String
    ) async throws {
        for key in ["listen", "admin-listen"] {
            let flags = [key: address, "metrics-listen": "off"].merging(
                key == "listen" ? [:] : ["listen": "127.0.0.1:1"]
            ) { $1 }
            let place = "\(key) has \(address), which is beyond this machine, "
            let plain =
                place + "without TLS: set tls-certificate and tls-key, or allow-plaintext = true"
            let anonymous =
                place + "and nothing says who may call: set callers-file, or tls-client-ca, "
                + "or allow-anonymous-callers = true"
            let found = await problems(flags: flags)
            #expect(found.map(\.text) == [plain, anonymous])
            #expect(found.allSatisfy { $0.origin == "--" + key })
            let (open, encrypted) = (
                ["allow-plaintext": "true", "allow-anonymous-callers": "true"],
                ["tls-certificate": "/c", "tls-key": "/k"]
            )
            #expect(
                await problems(flags: flags.merging(["allow-plaintext": "true"]) { $1 })
                    .map(\.text) == [anonymous])
            #expect(
                await problems(flags: flags.merging(encrypted) { $1 }).map(\.text)
                    == [anonymous])
            #expect(await problems(flags: flags.merging(open) { $1 }) == [])
            let mutual = encrypted.merging(["tls-client-ca": "/a"]) { $1 }
            #expect(await problems(flags: flags.merging(mutual) { $1 }) == [])
        }
    }

    @Test(arguments: ["operator", "admin", "watcher", "reader", "issuer"])
    func `beyond this machine nobody is an operator, watcher or admin without a proof`(
        _ role: String
    ) async throws {
        let folder = try ConfigurationFolder()
        let file = try folder.write("anonymous roles=\(role)\n")
        func texts(_ flags: [String: String]) async -> [String] {
            let all = ["callers-file": file, "metrics-listen": "off", "allow-plaintext": "true"]
            return await problems(flags: all.merging(flags) { $1 }).map(\.text)
        }
        let isHarmless = ["reader", "issuer"].contains(role)
        for listen in [
            ["listen": "0.0.0.0:7070"], ["listen": "127.0.0.1:1", "admin-listen": "0.0.0.0:7070"],
        ] {
            let expected =
                "callers-file: anonymous has the role \(role), and listen or admin-listen is beyond "
                + "this machine: remove the role, or set allow-anonymous-callers = true"
            #expect(await texts(listen) == (isHarmless ? [] : [expected]))
            let said = listen.merging(["allow-anonymous-callers": "true"]) { $1 }
            #expect(await texts(said) == [])
        }
        #expect(await texts(["listen": "127.0.0.1:1"]) == [])
    }

    @Test(arguments: local) func `on this machine nothing is needed`(_ address: String) async {
        #expect(await problems(flags: ["listen": address, "metrics-listen": "off"]) == [])
    }

    @Test func `the TLS settings need each other`() async {
        let pair = "tls-certificate and tls-key need each other"
        #expect(await problems(flags: ["tls-certificate": "/c"]).map(\.text) == [pair])
        #expect(await problems(flags: ["tls-key": "/k"]).map(\.origin) == ["--tls-key"])
        #expect(
            await problems(flags: ["tls-client-ca": "/a"]).map(\.text)
                == ["tls-client-ca needs tls-certificate"])
    }

    @Test func `a unix socket has a mode and a group that exist`() async throws {
        for text in ["0660", "660", "0600", "0777"] {
            let configuration = try await Configuration(
                flags: ["unix-socket-mode": text], environment: [:])
            #expect(configuration.unixSocketMode == UInt32(text, radix: 8))
        }
        for text in ["", "60", "0888", "1660", "rw"] {
            #expect(await problems(flags: ["unix-socket-mode": text]).count == 1)
        }
        #expect(await problems(flags: ["unix-socket-group": "root"]) == [])
        #expect(
            await problems(flags: ["unix-socket-group": "no-such"]).map(\.text)
                == ["unix-socket-group is \"no-such\", which this machine does not know"])
    }

    @Test(arguments: beyond)
    func `metrics beyond this machine need rules for who may read`(_ address: String) async throws {
        let flags = ["metrics-listen": address, "listen": "127.0.0.1:1"]
        #expect(
            await problems(flags: flags).map(\.text) == [
                "metrics-listen has \(address), which is beyond this machine, and nothing says who "
                    + "may read it: set callers-file, or allow-anonymous-callers = true"
            ])
        #expect(
            await problems(flags: flags.merging(["allow-anonymous-callers": "true"]) { $1 }) == [])
        let folder = try ConfigurationFolder()
        let file = try folder.write("anonymous roles=reader\n")
        #expect(await problems(flags: flags.merging(["callers-file": file]) { $1 }) == [])
    }
}
