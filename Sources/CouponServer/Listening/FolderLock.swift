/// A lock of the folder of a unix socket: between a look at the path and listening there no other daemon may
/// do the same.
internal import CouponCore
internal import Glibc

struct FolderLock: Sendable {
    private let descriptor: Int32

    /// Waits for another daemon that starts. A folder that cannot be opened is not locked: a listener needs
    /// only the right to write to it. After some seconds this daemon goes on without the lock: a daemon that
    /// starts keeps it for a moment only, but anybody who may read the folder could hold it all the time.
    init(of path: String) async {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let folder = parts.dropLast().joined(separator: "/")
        descriptor = unsafe open(
            folder.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : folder,
            O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        let end = ContinuousClock.now + .milliseconds(Limits.folderLockMilliseconds)
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else { return }
            guard ContinuousClock.now < end, !Task.isCancelled else { return }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    /// The lock goes with the descriptor.
    func release() { if descriptor >= 0 { close(descriptor) } }
}
