/// Whether a TLS record is incomplete, from the bytes of the socket: TLS hands nothing on before a record
/// is whole, so nobody else sees that bytes have come.
internal import NIOCore

struct RecordMeter {
    /// Content type, version, length.
    private static let headerBytes = 5

    /// What has come of a header that is incomplete.
    private var header = 0
    private var length = 0
    /// What is missing of the record's content.
    private var missing = 0

    /// Whether a record has begun, and its rest is awaited.
    var isInRecord: Bool { header > 0 || missing > 0 }

    /// The memory that TLS holds for it.
    var heldBytes: Int { isInRecord ? Self.headerBytes + length : 0 }

    /// More bytes have come.
    mutating func read(_ bytes: ByteBuffer) {
        var index = bytes.readerIndex
        while index < bytes.writerIndex {
            if missing > 0 {
                let count = min(missing, bytes.writerIndex - index)
                missing -= count
                index += count
                continue
            }
            if header == 3 || header == 4 {
                length = length << 8 | Int(bytes.getInteger(at: index, as: UInt8.self) ?? 0)
            } else if header == 0 {
                length = 0
            }
            header += 1
            index += 1
            if header == Self.headerBytes {
                header = 0
                missing = length
            }
        }
    }
}
