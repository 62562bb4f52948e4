import TestSupport

/// The whole response to a GET over HTTP, with its headers.
func httpGet(_ path: String, port: Int) throws -> String {
    try httpGet(path, over: PlainSocket(port: port))
}

/// The same over an open connection.
func httpGet(_ path: String, over socket: PlainSocket) throws -> String {
    try httpRequest("GET \(path) HTTP/1.1", over: socket)
}

/// The whole response to a request without a body.
func httpRequest(
    _ line: String, over socket: PlainSocket, host: String = "localhost", endsSending: Bool = false
) throws -> String {
    try socket.send(Array("\(line)\r\nhost: \(host)\r\n\r\n".utf8))
    if endsSending { socket.finishSending() }
    var bytes: [UInt8] = []
    while let byte = try socket.read(1) { bytes += byte }
    return String(decoding: bytes, as: UTF8.self)
}
