/// Whether systemd's journal reads a descriptor. It then takes the priority of a line from a prefix such as
/// `<4>`, which it removes.
internal import Glibc
internal import Logging

enum Journal {
    /// systemd names the device and the inode of its stream in `JOURNAL_STREAM`, which programs that a
    /// service starts inherit: so the numbers must be those of the descriptor.
    static func reads(_ descriptor: Int32, environment: [String: String]) -> Bool {
        var file = stat()
        guard let stream = environment["JOURNAL_STREAM"],
            unsafe fstat(descriptor, &file) == 0
        else { return false }
        return stream == "\(file.st_dev):\(file.st_ino)"
    }
}

extension Logger.Level {
    /// As in syslog(3).
    var priority: Int {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
