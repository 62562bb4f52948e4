/// Secrets are in files, so that neither the command line nor the environment shows them.
internal import Glibc

/// Why a file with a secret cannot be used.
struct SecretError: Error, Equatable, CustomStringConvertible {
    let description: String
}

/// The first line of a file. The file is read at each call, so that a reload can change the secret.
func secret(inFile path: String) throws(SecretError) -> String {
    guard let file = unsafe fopen(path, "re") else {
        throw SecretError(description: "\(path) cannot be read: error \(errno)")
    }
    defer { unsafe fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = unsafe fgetc(file), byte >= 0, byte != 10, bytes.count < 4_096 {
        bytes.append(UInt8(byte))
    }
    guard let text = String(validating: bytes, as: UTF8.self), !text.isEmpty else {
        throw SecretError(description: "\(path) has no first line of text")
    }
    return text
}
