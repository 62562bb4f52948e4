/// Secrets are in files, so that neither the command line nor the environment shows them.
internal import CouponCore
internal import Glibc

/// The first line of a file. The file is read at each call, so that a reload can change the secret.
/// - Parameter limit: how many bytes it may have.
func secret(inFile path: String, limit: Int) throws(SecretError) -> [UInt8] {
    // A path without a folder may be the secret itself, written in the wrong place.
    let name = path.contains("/") ? path : "the file"
    guard let file = unsafe fopen(path, "re") else {
        throw SecretError("\(name) cannot be read: \(systemError(errno))")
    }
    defer { unsafe fclose(file) }
    var bytes = [UInt8](repeating: 0, count: SecretText.bytesToRead(limit: limit))
    let count = unsafe fread(&bytes, 1, bytes.count, file)
    guard unsafe ferror(file) == 0 else {
        throw SecretError("\(name) cannot be read: \(systemError(errno))")
    }
    do throws(SecretError) {
        return try SecretText.firstLine(of: Array(bytes.prefix(count)), limit: limit)
    } catch {
        throw SecretError("\(name) \(error)")
    }
}

/// Such as "No such file or directory".
func systemError(_ number: Int32) -> String { unsafe String(cString: strerror(number)) }
