/// Scripts/measure-capacity judges its bounds. Its figures need a release build and a quiet machine.
import Foundation
import TestSupport
import TestWorld
import Testing

@Suite(.machine(.overloading), .timeLimit(.minutes(5))) struct CapacityScriptTests {
    @Test(arguments: [
        (scrape: "1e9", check: "1e9", isGood: true), (scrape: "0", check: "1e9", isGood: false),
        (scrape: "1e9", check: "0", isGood: false),
    ])
    func `a figure that exceeds its bound fails the script, and is named`(
        scrape: String, check: String, isGood: Bool
    ) async throws {
        let folder = try TemporaryFolder()
        let programs = URL(filePath: builtExecutable("coupond")).deletingLastPathComponent().path
        let run = try await CommandRun(
            repositoryRoot + "/Scripts/measure-capacity", ["50", "3", "5"],
            environment: [
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PROGRAMS": programs,
                "CAPACITY": folder.file("c"), "SCRAPE_MS": scrape, "CHECK_MS": check,
            ])
        #expect(run.end == .code(isGood ? 0 : 1), "\(run.text)")
        #expect(run.text.contains("with 5 connections and 3 coupons:"), "\(run.text)")
        for (name, bound) in [("a scrape of /metrics", scrape), ("--check-config", check)] {
            let isNamed = run.text.contains("\n\(name) takes ")
            #expect(isNamed == (bound == "0"), "\(run.text)")
        }
    }
}
