/// The descriptors that a program has from the start.
internal import Glibc

/// Standard input, standard output, standard error.
package enum StandardDescriptors {
    /// Opens those that are closed, so that no connection gets their numbers. Standard output is opened for
    /// reading only: then writing fails.
    package static func reserve() {
        for (descriptor, mode) in [
            (STDIN_FILENO, O_RDONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_WRONLY),
        ] where fcntl(descriptor, F_GETFD) < 0 {
            _ = unsafe open("/dev/null", mode)
        }
    }
}
