/// Counts a daemon's instructions with callgrind.
internal import Foundation
internal import TestSupport

enum Callgrind {
    /// The command that runs a program under callgrind. It runs a copy without debug information, because
    /// valgrind fails on forms that it does not know.
    static func command(_ program: String, in folder: TemporaryFolder) async throws -> [String] {
        let copy = folder.file("counted")
        let strip = try ServerProcess(
            "strip", arguments: ["--strip-debug", "-o", copy, program], in: folder.path)
        guard try await strip.waitForEnd() == .code(0) else {
            throw BenchmarkError("strip: \(strip.logTail())")
        }
        return [
            "env", "LD_PRELOAD=\(builtExecutable("libCSuspend.so"))",
            "valgrind", "--tool=callgrind", "--instr-atstart=no", "--separate-threads=yes",
            "--callgrind-out-file=callgrind.out", copy,
        ]
    }

    /// Starts or stops counting.
    static func toggle(_ daemon: Daemon, isOn: Bool) async throws {
        try await control(daemon, ["--instr=\(isOn ? "on" : "off")"])
    }

    /// The number of instructions of the thread that has the most: the event loop.
    static func count(_ daemon: Daemon) async throws -> Double {
        try await control(daemon, ["--dump"])
        let folder = daemon.workingFolder
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        var counts: [Double] = []
        for name in names where name.hasPrefix("callgrind.out") {
            let text = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
            counts += text.split(separator: "\n")
                .filter { $0.hasPrefix("summary:") || $0.hasPrefix("totals:") }
                .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
        }
        guard let most = counts.max(), most > 0 else {
            throw BenchmarkError("callgrind counted nothing")
        }
        return most
    }

    private static func control(_ daemon: Daemon, _ arguments: [String]) async throws {
        let folder = try TemporaryFolder()
        let process = try ServerProcess(
            "callgrind_control", arguments: arguments + ["\(daemon.pid)"], in: folder.path)
        guard try await process.waitForEnd(within: .seconds(30)) == .code(0) else {
            throw BenchmarkError("callgrind_control: \(process.logTail())")
        }
    }
}
