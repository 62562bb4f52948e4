/// posix_spawn for servers: a child inherits no descriptor, signal mask or signal handler of the test
/// process.
internal import Foundation

/// A program to start.
struct SpawnRequest: Sendable {
    /// The first is an absolute path.
    let command: [String]
    let environment: [String: String]
    /// The file to which standard output and standard error are appended.
    let log: String
    /// Descriptors of this process that the child gets as 3 and following.
    var passed: [Int32] = []
}

/// Starts a child in a process group of its own, with default signals, no inherited descriptor, and
/// `/dev/null` as its input.
/// - Returns: its process id, or a negative error number.
func spawn(_ request: SpawnRequest) -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(
        &actions, 1, request.log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
    // Copies far above what the child gets, so that none is replaced before it is passed.
    let copies = request.passed.map { fcntl($0, F_DUPFD_CLOEXEC, 900) }
    defer { for copy in copies { close(copy) } }
    // Close even descriptors that another thread opens at the same time: Foundation's Process learns of its
    // child's end by a socket without close-on-exec, and a server with a copy of that socket would hide the
    // end. A new descriptor gets the lowest free number, so it is not far above the highest. To close a
    // descriptor that is not open is no error.
    for descriptor in 3...(highestDescriptor() + 64) where !copies.contains(descriptor) {
        unsafe posix_spawn_file_actions_addclose(&actions, descriptor)
    }
    for (index, copy) in copies.enumerated() {
        unsafe posix_spawn_file_actions_adddup2(&actions, copy, 3 + Int32(index))
    }

    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var all = sigset_t()
    unsafe sigfillset(&all)
    var none = sigset_t()
    unsafe sigemptyset(&none)
    // NIO ignores SIGPIPE, and an ignored signal stays ignored across exec.
    unsafe posix_spawnattr_setsigdefault(&attributes, &all)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setpgroup(&attributes, 0)
    unsafe posix_spawnattr_setflags(
        &attributes,
        Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

    let variables = request.environment.map { "\($0)=\($1)" }
    return unsafe withCStrings(request.command) { arguments in
        unsafe withCStrings(variables) { environment in
            var pid: pid_t = 0
            let error = unsafe posix_spawn(
                &pid, request.command[0], &actions, &attributes, arguments, environment)
            return error == 0 ? pid : -error
        }
    }
}

private func withCStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
    var copies = unsafe strings.map { unsafe strdup($0) }
    unsafe copies.append(nil)
    let result = unsafe body(copies)
    for index in 0...strings.count { unsafe free(copies[index]) }
    return result
}

private func highestDescriptor() -> Int32 {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    return names.compactMap(Int32.init).max() ?? 3
}
