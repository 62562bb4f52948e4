/// What a daemon counts, read over HTTP.
internal import TestSupport
internal import TestWorld

struct Metrics: Sendable {
    let port: Int

    /// The value of a metric without labels.
    func value(_ name: String) throws -> Double {
        guard let value = try values(name).first else { throw Failed("no metric \(name)") }
        return value
    }

    /// The sum over all labels.
    func sum(_ name: String) throws -> Double { try values(name).reduce(0, +) }

    private func values(_ name: String) throws -> [Double] {
        let socket = try PlainSocket(port: port)
        try socket.send(Array("GET /metrics HTTP/1.1\r\nhost: siege\r\n\r\n".utf8))
        var bytes: [UInt8] = []
        while let byte = try socket.read(1) { bytes += byte }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ")
            guard parts.count == 2, parts[0] == name || parts[0].hasPrefix(name + "{") else {
                return nil
            }
            return Double(parts[1])
        }
    }
}
