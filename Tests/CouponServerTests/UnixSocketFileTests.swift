/// When the file of a unix socket is removed.
import Foundation
import NIOCore
import NIOEmbedded
import Testing

@testable import CouponServer

@Suite struct UnixSocketFileTests {
    /// Another daemon, which listens at the path as soon as the listener is closed, and whose file has the
    /// inode of the one before.
    private final class Successor: ChannelOutboundHandler {
        typealias OutboundIn = Never
        let path: String
        private(set) var foundFile = false

        init(_ path: String) { self.path = path }

        func close(
            context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?
        ) {
            let files = FileManager.default
            foundFile = files.fileExists(atPath: path)
            if foundFile { try? files.removeItem(atPath: path) }
            try? files.linkItem(atPath: path + ".old", toPath: path)
            context.close(mode: mode, promise: promise)
        }
    }

    @Test func `the file goes before its listener, and the next daemon's file stays`() throws {
        let files = FileManager.default
        let path = "/tmp/coupond-\(UUID().uuidString)"
        try Data().write(to: URL(filePath: path))
        defer { for name in [path, path + ".old"] { try? files.removeItem(atPath: name) } }
        try files.linkItem(atPath: path, toPath: path + ".old")
        let file = try UnixSocketFile(path, .init(mode: 0o600, group: nil), setting: "listen")
        let successor = Successor(path)
        let channel = EmbeddedChannel(handlers: [successor, UnixSocketRemover(file)])
        _ = try channel.finish()
        #expect(!successor.foundFile)
        #expect(files.fileExists(atPath: path))
    }
}
