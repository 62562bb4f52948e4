/// Small commits at a fixed pace.
internal import Glibc

/// Inserts one row into the table `small_commit` every 10 ms.
/// - Returns: what each transaction took, in seconds.
func pacedCommits(_ database: String, seconds: Int) throws -> [Double] {
    let session = try Postgres(database)
    let interval = 10_000_000
    let begin = nanoseconds()
    return try (0..<seconds * 100).map { number in
        let early = begin + number * interval - nanoseconds()
        if early > 0 { usleep(UInt32(early / 1_000)) }
        let start = nanoseconds()
        try session.run("BEGIN; INSERT INTO small_commit VALUES (\(number)); COMMIT")
        return Double(nanoseconds() - start) / 1e9
    }
}
