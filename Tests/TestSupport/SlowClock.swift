internal import Foundation

/// The environment in which a process reads a clock that is behind. A preloaded library replaces
/// `gettimeofday`; clang builds it, which is part of every Swift toolchain.
/// - Parameter folder: the folder for the library; it must exist as long as the process.
public func environment(
    withClockBehindBy seconds: Int, in folder: TemporaryFolder
) async throws -> [String: String] {
    let source = try folder.write(
        """
        #include <sys/time.h>
        #include <time.h>
        int gettimeofday(struct timeval *time, void *zone) {
            struct timespec now;
            (void)zone;
            clock_gettime(CLOCK_REALTIME, &now);
            time->tv_sec = now.tv_sec - \(seconds);
            time->tv_usec = now.tv_nsec / 1000;
            return 0;
        }
        """, to: "clock.c")
    let library = folder.file("clock.so")
    let compiler = try ServerProcess(
        "clang", arguments: ["-shared", "-fPIC", "-o", library, source], in: folder.path)
    guard try await compiler.waitForEnd() == .code(0) else {
        throw ServerProcessError(description: "clang: \(compiler.logTail(lines: 10))")
    }
    return ["LD_PRELOAD": library]
}
