/// Sockets that systemd opened for the service (sd_listen_fds(3)).
internal import Glibc

/// The sockets of the unit's `.socket` file, already bound and listening.
public struct PassedSockets: Equatable, Sendable {
    /// Their descriptors, in the order of the file; empty where none were passed.
    public let descriptors: [Int32]

    /// - Parameter environment: the process's; LISTEN_FDS and LISTEN_PID are read.
    /// - Throws: ``PassedSocketsError`` where the variables contradict themselves.
    public init(environment: [String: String]) throws(PassedSocketsError) {
        guard let count = environment["LISTEN_FDS"] else {
            descriptors = []
            return
        }
        // Left over from a parent: the sockets are not ours.
        guard environment["LISTEN_PID"].flatMap(Int32.init) == getpid() else {
            descriptors = []
            return
        }
        guard let number = Int32(count), (0...1_024).contains(number) else {
            throw PassedSocketsError(description: "LISTEN_FDS is not a number of sockets: \(count)")
        }
        descriptors = Array(Self.first..<Self.first + number)
        for descriptor in descriptors where fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0 {
            throw PassedSocketsError(
                description: "LISTEN_FDS=\(count), but \(descriptor) is not open")
        }
    }

    /// SD_LISTEN_FDS_START.
    private static let first: Int32 = 3
}

/// The variables that should tell of passed sockets are wrong.
public struct PassedSocketsError: Error, Equatable, CustomStringConvertible {
    /// Names the variable.
    public let description: String
}
