/// A small disk in memory, which can be filled.
internal import Foundation

/// A tmpfs. Only root may mount one.
struct LogDisk: Sendable {
    /// An empty folder on it.
    let path: String
    private let mountPoint: String

    /// - Parameters:
    ///   - mountPoint: an empty folder.
    ///   - owner: the owner of the folder on it.
    /// - Throws: ``ServerProcessError`` if it cannot be mounted.
    init(_ mountPoint: String, owner: String) throws {
        self.mountPoint = mountPoint
        path = mountPoint + "/wal"
        let options = "size=24m,mode=711"
        guard Self.run("mount", ["-t", "tmpfs", "-o", options, "tmpfs", mountPoint]) == 0 else {
            throw ServerProcessError(description: "cannot mount a tmpfs")
        }
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700])
        try FileManager.default.setAttributes([.ownerAccountName: owner], ofItemAtPath: path)
    }

    private var ballast: String { mountPoint + "/ballast" }

    /// Fills the disk.
    func fill() {
        let descriptor = unsafe open(ballast, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        defer { close(descriptor) }
        let block = [UInt8](repeating: 0, count: 4_096)
        while unsafe (write(descriptor, block, block.count)) > 0 {}
    }

    /// Removes what `fill()` wrote.
    func makeRoom() { unsafe unlink(ballast) }

    func unmount() { _ = Self.run("umount", ["--lazy", mountPoint]) }

    private static func run(_ program: String, _ arguments: [String]) -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return -1 }
        process.waitUntilExit()
        return process.terminationStatus
    }
}
