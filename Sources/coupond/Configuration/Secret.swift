/// Secrets are in files, so that neither the command line nor the environment shows them.
internal import CouponCore
internal import FileAccess
internal import Glibc

/// The first line of a file. The file is read at each call, so that a reload can change the secret.
/// - Parameter limit: how many bytes it may have.
/// - Parameter isGuarded: whether a file that users other than its owner may write is refused.
func secret(
    inFile path: String, limit: Int, isGuarded: Bool = false
) throws(SecretError) -> [UInt8] {
    let bytes = try beginning(
        ofFile: path, SecretText.bytesToRead(limit: limit), isGuarded: isGuarded)
    do throws(SecretError) {
        return try SecretText.firstLine(of: bytes, limit: limit)
    } catch {
        throw SecretError("\(SecretText.name(of: path)) \(error)")
    }
}

/// The admin token, in the first line of a file. Guesses are cheap, so the token must be long. A user who
/// may write the file is an admin.
func checkedAdminToken(inFile path: String) throws(SecretError) -> [UInt8] {
    let token = try secret(inFile: path, limit: Limits.maximumTokenBytes, isGuarded: true)
    guard token.count >= Limits.minimumTokenBytes else {
        throw SecretError(
            "\(SecretText.name(of: path)) has a token of less than \(Limits.minimumTokenBytes) bytes, which "
                + "can be guessed: openssl rand -hex 32 makes one that cannot")
    }
    return token
}

/// All bytes of a file, such as a key.
/// - Parameter limit: how many it may have.
func contents(ofFile path: String, limit: Int) throws(SecretError) -> [UInt8] {
    let bytes = try beginning(ofFile: path, limit + 1)
    guard bytes.count <= limit else {
        throw SecretError("\(SecretText.name(of: path)) has more than \(limit) bytes")
    }
    return bytes
}

/// Whether every user of the machine may read a file.
func isReadableByAll(_ path: String) -> Bool {
    var status = stat()
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IROTH != 0
}

private func beginning(
    ofFile path: String, _ limit: Int, isGuarded: Bool = false
) throws(SecretError) -> [UInt8] {
    do throws(FileFault) {
        return try FileContents.read(
            path, upTo: limit, isGuarded ? [.regular, .guarded] : .regular)
    } catch {
        throw SecretError("\(SecretText.name(of: path)) \(error)")
    }
}

/// Such as "No such file or directory".
func systemError(_ number: Int32) -> String { unsafe String(cString: strerror(number)) }
