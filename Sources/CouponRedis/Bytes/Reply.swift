/// A reply of Redis as a value: no hiredis object outlives the call that received it.
internal import CHiredis

enum Reply: Equatable {
    case integer(Int64)
    case bytes([UInt8])
    case status(String)
    case array([Reply])
    case none
    case error(String)
}

extension Reply {
    /// Copies a reply; the caller frees the original.
    init(copying reply: UnsafePointer<redisReply>) {
        switch unsafe reply.pointee.type {
        case REDIS_REPLY_INTEGER: unsafe self = .integer(reply.pointee.integer)
        case REDIS_REPLY_STRING: self = .bytes(unsafe Self.bytes(of: reply))
        case REDIS_REPLY_STATUS:
            self = .status(String(decoding: unsafe Self.bytes(of: reply), as: UTF8.self))
        case REDIS_REPLY_ERROR:
            self = .error(String(decoding: unsafe Self.bytes(of: reply), as: UTF8.self))
        case REDIS_REPLY_ARRAY:
            self = .array(
                (0..<(unsafe reply.pointee.elements)).map { index in
                    guard let element = unsafe reply.pointee.element[index] else { return .none }
                    return unsafe Reply(copying: unsafe element)
                })
        default: self = .none
        }
    }

    private static func bytes(of reply: UnsafePointer<redisReply>) -> [UInt8] {
        guard let start = unsafe reply.pointee.str else { return [] }
        return unsafe [UInt8](unsafe UnsafeRawBufferPointer(start: start, count: reply.pointee.len))
    }

    var integerValue: Int64? {
        guard case .integer(let value) = self else { return nil }
        return value
    }

    var bytesValue: [UInt8]? {
        guard case .bytes(let value) = self else { return nil }
        return value
    }

    var text: String? {
        switch self {
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .status(let text): text
        default: nil
        }
    }

    var elements: [Reply]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }
}
