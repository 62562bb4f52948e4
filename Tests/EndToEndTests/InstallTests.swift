/// What `make install` installs, here with the programs of the tests' own build.
import CouponClient
import CouponCore
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.asking), .timeLimit(.minutes(3))) struct InstallTests {
    private static let files = [
        "/opt/bin/coupond", "/opt/bin/couponctl", "/opt/lib/systemd/system/coupond.service",
        "/opt/lib/systemd/system/coupond.socket",
        "/opt/share/doc/coupond/examples/sealed.conf",
        "/opt/lib/sysusers.d/coupond.conf", "/opt/share/man/man8/coupond.8",
        "/opt/share/man/man5/coupond.conf.5", "/opt/share/man/man1/couponctl.1",
        "/opt/share/bash-completion/completions/coupond",
        "/opt/share/bash-completion/completions/couponctl",
        "/opt/share/zsh/site-functions/_coupond", "/opt/share/zsh/site-functions/_couponctl",
        "/opt/share/fish/vendor_completions.d/coupond.fish",
        "/opt/share/fish/vendor_completions.d/couponctl.fish", "/etc/coupond/coupond.conf",
    ]

    private let folder: TemporaryFolder
    private var root: String { folder.file("root") }

    init() async throws {
        folder = try TemporaryFolder()
        try await install()
    }

    private func install() async throws {
        let programs = URL(filePath: builtExecutable("coupond")).deletingLastPathComponent().path
        let run = try await CommandRun(
            repositoryRoot + "/Scripts/install", [programs, root, "/opt"],
            environment: ["PATH": "/usr/bin:/bin"])
        #expect(run.end == .code(0), "\(run.text)")
    }

    @Test func `the software bill of materials has packages and libraries with their versions`()
        async throws
    {
        struct Bill: Decodable {
            struct Component: Decodable {
                let name: String
                let version: String
                let purl: String?
            }
            let bomFormat: String
            let components: [Component]
        }
        let run = try await CommandRun(
            repositoryRoot + "/Scripts/sbom", [builtExecutable("coupond"), "1.2.3"],
            environment: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"])
        #expect(run.end == .code(0), "\(run.text)")
        let bill = try JSONDecoder().decode(Bill.self, from: Data(run.text.utf8))
        #expect(bill.bomFormat == "CycloneDX")
        let manifest = try String(
            contentsOfFile: repositoryRoot + "/Package.swift", encoding: .utf8)
        let direct = manifest.matches(of: /url: "https:\/\/(\S+?)(?:\.git)?"/).map { String($0.1) }
            .filter { !$0.hasSuffix("docc-plugin") }
        #expect(direct.count > 5)
        for place in direct + ["debian/libpq5", "debian/libhiredis0.14", "debian/libprotobuf-c1"] {
            let found = bill.components.filter { $0.purl?.contains("/\(place)@") == true }
            #expect(found.count == 1 && found.allSatisfy { !$0.version.isEmpty }, "\(place)")
        }
    }

    private func run(_ line: String) async throws -> CommandRun {
        try await CommandRun(
            "/bin/bash", ["-c", line], environment: ["ROOT": root, "PATH": "/usr/bin:/bin"])
    }

    @Test func `every file is at its place, and an existing configuration is kept`() async throws {
        let found = try await run("cd $ROOT && find . -type f | sort")
        #expect(
            Set(found.text.split(separator: "\n").map { String($0.dropFirst()) })
                == Set(Self.files))
        let mine = "max-batch = 7\n"
        let configuration = root + "/etc/coupond/coupond.conf"
        try mine.write(toFile: configuration, atomically: true, encoding: .utf8)
        try await install()
        #expect(try String(contentsOfFile: configuration, encoding: .utf8) == mine)
    }

    @Test func `a relative ROOT is below the folder of the caller`() async throws {
        let programs = URL(filePath: builtExecutable("coupond")).deletingLastPathComponent().path
        let install = try await run(
            "cd \(folder.path) && \(repositoryRoot)/Scripts/install \(programs) ./relative /opt")
        #expect(install.end == .code(0), "\(install.text)")
        let installed = FileManager.default.isExecutableFile(
            atPath: folder.file("relative/opt/bin/coupond"))
        #expect(installed)
    }

    @Test func `the installed programs run, and the unit names them`() async throws {
        let check = try await run(
            "$ROOT/opt/bin/coupond --check-config --config $ROOT/etc/coupond/coupond.conf")
        #expect(check.end == .code(0) && check.text.contains("good"), "\(check.text)")
        let unit = try String(
            contentsOfFile: root + "/opt/lib/systemd/system/coupond.service", encoding: .utf8)
        #expect(unit.contains("ExecStart=/opt/bin/coupond --config /etc/coupond/coupond.conf\n"))
        #expect(!unit.contains("/usr/local"))
        #expect(unit.contains("\nStartLimitIntervalSec=0\n"), "systemd never gives up")
    }

    @Test func `the manual pages have every setting and command, and no mistakes`() async throws {
        let pages = try await run("groff -mdoc -Tutf8 -ww -P-cbou $ROOT/opt/share/man/man*/*")
        #expect(pages.end == .code(0) && !pages.text.contains("troff: "), "\(pages.text)")
        for word in ["--check-config", "finished-retention = 24h", "dead-letter redrive", "SIGHUP"]
        {
            #expect(pages.text.contains(word), "\(word)")
        }
    }

    @Test func `bash completes commands`() async throws {
        let completed = try await run(
            """
            source $ROOT/opt/share/bash-completion/completions/couponctl
            COMP_WORDS=(couponctl dead) COMP_CWORD=1 COMP_LINE='couponctl dead' COMP_POINT=14
            $(complete -p couponctl | sed 's/.*-F \\([^ ]*\\) .*/\\1/') couponctl dead couponctl
            echo "${COMPREPLY[@]}"
            """)
        #expect(completed.text.contains("dead-letter"), "\(completed.text)")
    }

    @Test func `bash completes the id of a coupon`() async throws {
        let world = try await World()
        let daemon = try await world.daemon()
        for id in [4_711, 4_712, 9] as [Int64] {
            _ = try await daemon.client.create(.offer(id, total: 1))
        }
        /// What bash offers for the last word of a line.
        func completed(_ line: String) async throws -> Set<Substring> {
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            let run = try await CommandRun(
                "/bin/bash",
                [
                    "-c",
                    """
                    source $ROOT/opt/share/bash-completion/completions/couponctl
                    COMP_WORDS=(\(words.map { "'\($0)'" }.joined(separator: " ")))
                    COMP_CWORD=\(words.count - 1) COMP_LINE='\(line)' COMP_POINT=\(line.utf8.count)
                    $(complete -p couponctl | sed 's/.*-F \\([^ ]*\\) .*/\\1/') couponctl \
                        '\(words.last ?? "")' '\(words.dropLast().last ?? "")'
                    printf '%s\\n' "${COMPREPLY[@]}"
                    """,
                ],
                environment: [
                    "ROOT": root, "PATH": root + "/opt/bin:/usr/bin:/bin",
                    "COUPONCTL_ADDRESS": "127.0.0.1:\(daemon.port)",
                ])
            #expect(run.end == .code(0), "\(line): \(run.text)")
            return Set(run.text.split(separator: "\n"))
        }
        #expect(try await completed("couponctl coupon get ") == ["9", "4711", "4712"])
        #expect(try await completed("couponctl coupon get 47") == ["4711", "4712"])
        #expect(try await completed("couponctl issue --coupon 47") == ["4711", "4712"])
        #expect(try await daemon.stop() == .code(0))
        // Without a daemon there are no ids, and no message disturbs the line.
        #expect(try await completed("couponctl coupon get ") == [])
    }
}
