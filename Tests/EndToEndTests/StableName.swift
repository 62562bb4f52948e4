import Glibc
import Testing

/// Makes `name` lead to `target`, in the place of what it led to before: daemons know a server by a name
/// that after a failover leads to another one.
func point(_ name: String, to target: String) throws {
    unsafe unlink(name)
    let error = unsafe symlink(target, name)
    try #require(error == 0)
}
