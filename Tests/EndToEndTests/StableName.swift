import Glibc
import Testing

/// Points the symbolic link `name` to `target`. Daemons reach a server by such a link, which a failover
/// points to another server.
func pointLink(_ name: String, to target: String) throws {
    unsafe unlink(name)
    let error = unsafe symlink(target, name)
    try #require(error == 0)
}
