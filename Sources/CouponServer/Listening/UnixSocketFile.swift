/// The file of a unix socket that callers use: made with its permissions, removed at the end.
internal import CouponCore
internal import Glibc
internal import NIOCore
internal import NIOPosix

/// Removes the file of a listener before the listener is closed: until then its inode is in use. Afterwards
/// another daemon may listen there, and its file may have got the same inode.
final class UnixSocketRemover: ChannelDuplexHandler {
    typealias InboundIn = Never
    typealias OutboundIn = Never

    private var file: UnixSocketFile?

    init(_ file: UnixSocketFile) { self.file = file }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        remove()
        context.close(mode: mode, promise: promise)
    }

    /// Also if the listener was lost.
    func channelInactive(context: ChannelHandlerContext) {
        remove()
        context.fireChannelInactive()
    }

    private func remove() {
        file?.remove()
        file = nil
    }
}

struct UnixSocketFile: Sendable {
    let path: String
    private let device: dev_t
    private let inode: ino_t

    /// Removes what a daemon that died left behind.
    /// - Throws: ``CannotListen`` if something else is there, or somebody answers.
    static func makeRoom(
        at path: String, setting: String, on loop: any EventLoop
    ) async throws {
        guard let status = status(of: path) else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw CannotListen(
                setting: setting, address: "unix:" + path,
                reason: "there is a file that is not a socket: remove it, or choose another path")
        }
        do {
            let caller = try await ClientBootstrap(group: loop)
                .connectTimeout(.seconds(1))
                .connect(unixDomainSocketPath: path).get()
            try? await caller.close()
        } catch let error as IOError where error.errnoCode == ECONNREFUSED {
            _ = unsafe unlink(path)
            return
        } catch {
            throw CannotListen(setting: setting, path: path, error)
        }
        throw CannotListen(
            setting: setting, address: "unix:" + path,
            reason: "another process listens there: stop it, or choose another path")
    }

    /// Gives the file of a new listener its permissions.
    init(
        _ path: String, _ access: ServerConfiguration.UnixSocketAccess, setting: String
    ) throws(CannotListen) {
        guard let status = Self.status(of: path), unsafe chmod(path, access.mode) == 0,
            access.group.map({ unsafe chown(path, UInt32.max, $0) == 0 }) ?? true
        else {
            throw CannotListen(
                setting: setting, address: "unix:" + path,
                reason: "its mode and group cannot be set: "
                    + (unsafe String(cString: strerror(errno))))
        }
        self.path = path
        device = status.st_dev
        inode = status.st_ino
    }

    /// Removes the file, unless another daemon has put its own there.
    func remove() {
        guard let status = Self.status(of: path), status.st_dev == device, status.st_ino == inode
        else { return }
        _ = unsafe unlink(path)
    }

    private static func status(of path: String) -> stat? {
        var status = stat()
        return unsafe lstat(path, &status) == 0 ? status : nil
    }
}
