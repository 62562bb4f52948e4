import NIOCore
import Testing

@testable import CouponServer

@Suite struct RecordMeterTests {
    private func record(_ length: Int) -> [UInt8] {
        [23, 3, 3, UInt8(length >> 8), UInt8(length & 255)] + [UInt8](repeating: 9, count: length)
    }

    @Test(arguments: [1, 2, 3, 5, 7, 300, 1_000])
    func `only a record whose last byte is missing is incomplete, however it was cut`(_ part: Int) {
        let bytes = record(0) + record(1) + record(300) + record(16_640)
        let ends: Set<Int> = [5, 11, 316, 16_961]
        var meter = RecordMeter()
        var read = 0
        while read < bytes.count {
            let next = min(part, bytes.count - read)
            meter.read(ByteBuffer(bytes: bytes[read..<read + next]))
            read += next
            #expect(meter.isInRecord == !ends.contains(read), "after \(read) bytes")
        }
        #expect(meter.heldBytes == 0)
    }

    @Test func `an incomplete record holds its whole length, as TLS makes room for it`() {
        var meter = RecordMeter()
        meter.read(ByteBuffer(bytes: record(4).dropLast()))
        #expect(meter.heldBytes == 9)
        meter.read(ByteBuffer(bytes: [9]))
        #expect(meter.heldBytes == 0)
        meter.read(ByteBuffer(bytes: [23, 3, 3, 0x40, 0]))
        #expect(meter.heldBytes == 16_389)
    }
}
