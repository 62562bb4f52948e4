// The memory of one message while it is read or written.
//
// libprotobuf-c allocates for each part of a message: a hostile frame of 64 KiB makes it ask for 4
// MB in 32,000 pieces. Here it gets its memory from one block of fixed size: an allocation moves
// an offset, a message that wants more is refused in a microsecond, and all of it is given back by one
// assignment.

internal import CCouponProto
internal import CProtobufC

/// A block of memory with the offset of its free part. Made once, used for one message after the other.
///
/// Safe, because a `Part` borrows the arena: the compiler accepts no `reset` and no end of the arena
/// while one can still be used.
@safe
struct MessageArena: ~Copyable {
    /// Lives at a fixed address: libprotobuf-c holds pointers to it while it unpacks. The allocator
    /// comes first, so that a pointer to the block is also a pointer to the allocator.
    @unsafe private struct Block {
        var allocator: ProtobufCAllocator
        let memory: UnsafeMutableRawPointer
        let size: Int
        var used = 0
        var refusals = 0

        /// Room for `count` bytes, aligned for everything; nil if the budget is spent.
        mutating func allocate(_ count: Int) -> UnsafeMutableRawPointer? {
            guard unsafe 0 <= count && count <= size - used else {
                unsafe refusals += 1
                return nil
            }
            defer { unsafe used += (count + 15) & ~15 }
            return unsafe memory + used
        }
    }

    private let block: UnsafeMutablePointer<Block>

    /// - Parameter bytes: the budget of one message; rounded up to 16.
    init(bytes: Int) {
        let size = (bytes + 15) & ~15
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        unsafe block = .allocate(capacity: 1)
        let allocator = unsafe ProtobufCAllocator(
            alloc: { block, count in
                unsafe block?.assumingMemoryBound(to: Block.self).pointee.allocate(count)
            },
            free: { _, _ in },
            allocator_data: unsafe UnsafeMutableRawPointer(block))
        unsafe block.initialize(to: Block(allocator: allocator, memory: memory, size: size))
    }

    deinit {
        unsafe block.pointee.memory.deallocate()
        unsafe block.deinitialize(count: 1)
        unsafe block.deallocate()
    }

    /// Whether a request for memory was refused since the last `reset`.
    var isExhausted: Bool { unsafe block.pointee.refusals > 0 }

    /// Forgets everything in it.
    mutating func reset() {
        unsafe block.pointee.used = 0
        unsafe block.pointee.refusals = 0
    }

    /// Room for `count` values, uninitialised, valid until `reset`; nil if the budget is spent.
    @unsafe func allocate<Value>(
        _: Value.Type, count: Int = 1
    ) -> UnsafeMutablePointer<Value>? {
        unsafe block.pointee.allocate(MemoryLayout<Value>.stride * count)?.bindMemory(
            to: Value.self, capacity: count)
    }

    /// Unpacks a message into the arena: libprotobuf-c copies what it needs of `bytes`.
    ///
    /// - Parameter unpack: the generated `…__unpack` of the message.
    /// - Returns: nil for malformed bytes, and if the budget is spent.
    @unsafe @inline(__always) @_lifetime(borrow self)
    func unpack<Message>(
        _ bytes: RawSpan,
        _ unpack: (
            UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?
        ) -> UnsafeMutablePointer<Message>?
    ) -> Part<Message>? {
        let allocator = unsafe UnsafeMutableRawPointer(block).assumingMemoryBound(
            to: ProtobufCAllocator.self)
        let message = unsafe bytes.withUnsafeBytes { bytes in
            unsafe unpack(
                allocator, bytes.count, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        }
        guard let message = unsafe message else { return nil }
        return unsafe Part(message, in: self)
    }
}
