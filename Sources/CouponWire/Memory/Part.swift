// The structs of libprotobuf-c as values that the compiler checks. What is unsafe about them is in this
// file, and in the arena that they live in.

internal import CCouponProto
internal import CProtobufC
internal import CouponDomain

/// A message of the .proto: its struct begins with a `ProtobufCMessage` that points to this descriptor.
protocol WireMessage {
    /// Generated; the same memory each time.
    static var descriptor: ProtobufCMessageDescriptor { get }
}

/// One message in an arena, or a message within it. Its members are the fields of the generated struct.
///
/// Safe, because
/// - it cannot outlive the arena's contents: it borrows the arena, or has the lifetime of a part that does;
/// - the struct is initialised: an arena makes parts only of what libprotobuf-c has initialised or unpacked;
/// - a pointer in it is NULL or leads into the same arena. Fields are set from parts, and a method that
///   builds a message has only the parts of one arena, `self`;
/// - a oneof cannot be read as the wrong message: each message names its descriptor, which is compared;
/// - the count of an array cannot be set without the array: there is no access to fields of type `Int`. A
///   message with two arrays names each with its own count.
///
/// The case of a oneof may be set freely: libprotobuf-c packs a message by the descriptor in the message.
///
/// The `_modify` accessors are written out, although the compiler could make the same ones. Those do not say
/// whose lifetime the value has, and with a sanitizer the compiler rejects them (Swift 6.3).
@safe @dynamicMemberLookup
struct Part<Message>: ~Escapable {
    fileprivate let pointer: UnsafeMutablePointer<Message>

    /// - Parameter pointer: to an initialised struct that is valid as long as `owner` is borrowed.
    @unsafe @inline(__always) @_lifetime(borrow owner)
    init<Owner: ~Copyable>(_ pointer: UnsafeMutablePointer<Message>, in owner: borrowing Owner) {
        unsafe self.pointer = unsafe pointer
    }

    /// - Parameter pointer: to an initialised struct in the arena of `neighbour`.
    @unsafe @inline(__always) @_lifetime(copy neighbour)
    fileprivate init<Neighbour: ~Escapable>(
        _ pointer: UnsafeMutablePointer<Message>, besides neighbour: Neighbour
    ) {
        unsafe self.pointer = unsafe pointer
    }

    /// Whether its bytes had fields that the .proto does not have.
    @inline(__always)
    var hasUnknownFields: Bool {
        let base = unsafe UnsafeRawPointer(pointer).assumingMemoryBound(to: ProtobufCMessage.self)
        return unsafe base.pointee.n_unknown_fields > 0
    }

    /// A number.
    @inline(__always)
    subscript<Number: WireNumber>(dynamicMember field: WritableKeyPath<Message, Number>) -> Number {
        get { unsafe pointer.pointee[keyPath: field] }
        nonmutating set { unsafe pointer.pointee[keyPath: field] = newValue }
    }

    /// A boolean.
    @inline(__always)
    subscript(dynamicMember field: WritableKeyPath<Message, protobuf_c_boolean>) -> Bool {
        get { unsafe pointer.pointee[keyPath: field] != 0 }
        nonmutating set { unsafe pointer.pointee[keyPath: field] = newValue ? 1 : 0 }
    }

    /// A constant of an enum, or the case of a oneof.
    @inline(__always)
    subscript<Constant: RawRepresentable>(
        dynamicMember field: WritableKeyPath<Message, Constant>
    ) -> Constant where Constant.RawValue == UInt32 {
        get { unsafe pointer.pointee[keyPath: field] }
        nonmutating set { unsafe pointer.pointee[keyPath: field] = newValue }
    }

    /// Bytes or a text.
    @safe @inline(__always)
    subscript(dynamicMember field: WritableKeyPath<Message, ProtobufCBinaryData>) -> WireBytes {
        @_lifetime(copy self)
        get { unsafe WireBytes(pointer.pointee[keyPath: field], besides: self) }
        nonmutating set { unsafe pointer.pointee[keyPath: field] = newValue.data }
        @_lifetime(copy self)
        nonmutating _modify {
            var value = self[dynamicMember: field]
            yield &value
            self[dynamicMember: field] = value
        }
    }

    /// A message; nil if there is none, or if the oneof that it belongs to holds another message.
    @safe @inline(__always)
    subscript<Inner: WireMessage>(
        dynamicMember field: WritableKeyPath<Message, UnsafeMutablePointer<Inner>?>
    ) -> Part<Inner>? {
        @_lifetime(copy self)
        get {
            guard let inner = unsafe pointer.pointee[keyPath: field] else { return nil }
            let base = unsafe UnsafeRawPointer(inner).assumingMemoryBound(to: ProtobufCMessage.self)
            guard unsafe base.pointee.descriptor.pointee.name == Inner.descriptor.name else {
                return nil
            }
            return unsafe Part<Inner>(inner, besides: self)
        }
        nonmutating set { unsafe pointer.pointee[keyPath: field] = newValue?.pointer }
        @_lifetime(copy self)
        nonmutating _modify {
            var value = self[dynamicMember: field]
            yield &value
            self[dynamicMember: field] = value
        }
    }

    /// The array of a repeated field.
    @safe
    subscript<Element: WireMessage>(
        _ field: WritableKeyPath<Message, UnsafeMutablePointer<UnsafeMutablePointer<Element>?>?>,
        _ count: WritableKeyPath<Message, Int>
    ) -> PartList<Element> {
        @_lifetime(copy self)
        get {
            unsafe PartList(
                pointer.pointee[keyPath: field], count: pointer.pointee[keyPath: count],
                besides: self)
        }
        nonmutating set {
            unsafe pointer.pointee[keyPath: field] = newValue.elements
            unsafe pointer.pointee[keyPath: count] = newValue.count
        }
        @_lifetime(copy self)
        nonmutating _modify {
            var value = self[field, count]
            yield &value
            self[field, count] = value
        }
    }

    /// The array of a repeated number.
    @safe
    subscript(
        _ field: WritableKeyPath<Message, UnsafeMutablePointer<Int64>?>,
        _ count: WritableKeyPath<Message, Int>
    ) -> NumberList {
        @_lifetime(copy self)
        get {
            unsafe NumberList(
                pointer.pointee[keyPath: field], count: pointer.pointee[keyPath: count],
                besides: self)
        }
        nonmutating set {
            unsafe pointer.pointee[keyPath: field] = newValue.elements
            unsafe pointer.pointee[keyPath: count] = newValue.count
        }
        @_lifetime(copy self)
        nonmutating _modify {
            var value = self[field, count]
            yield &value
            self[field, count] = value
        }
    }

    /// The array of a repeated text.
    @safe
    subscript(
        _ field: WritableKeyPath<Message, UnsafeMutablePointer<ProtobufCBinaryData>?>,
        _ count: WritableKeyPath<Message, Int>
    ) -> TextList {
        @_lifetime(copy self)
        get {
            unsafe TextList(
                pointer.pointee[keyPath: field], count: pointer.pointee[keyPath: count],
                besides: self)
        }
        nonmutating set {
            unsafe pointer.pointee[keyPath: field] = newValue.elements
            unsafe pointer.pointee[keyPath: count] = newValue.count
        }
        @_lifetime(copy self)
        nonmutating _modify {
            var value = self[field, count]
            yield &value
            self[field, count] = value
        }
    }

    /// An optional number, which the .proto has as a oneof of one field: nil if it is absent.
    ///
    /// - Parameters:
    ///   - oneof: the case of the oneof.
    ///   - present: the constant that says that the number is there.
    @inline(__always)
    subscript<Number: WireNumber, Case: RawRepresentable & Equatable>(
        _ field: WritableKeyPath<Message, Number>, _ oneof: WritableKeyPath<Message, Case>,
        _ present: Case
    ) -> Number? where Case.RawValue == UInt32 {
        get {
            unsafe pointer.pointee[keyPath: oneof] == present
                ? pointer.pointee[keyPath: field] : nil
        }
        nonmutating set {
            guard let newValue else { return }
            unsafe pointer.pointee[keyPath: oneof] = present
            unsafe pointer.pointee[keyPath: field] = newValue
        }
    }
}

extension Part where Message: WireMessage {
    /// The struct as any message.
    @unsafe var base: UnsafeMutablePointer<ProtobufCMessage> {
        unsafe UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: ProtobufCMessage.self)
    }

    /// How many bytes it has on the wire.
    var packedSize: Int { unsafe protobuf_c_message_get_packed_size(base) }

    /// Whether it came with fields that this .proto does not have.
    var hasUnknownFields: Bool { unsafe base.pointee.n_unknown_fields > 0 }
}

/// The array of a repeated field.
///
/// Safe for the reasons of `Part`; `count` elements are there, and there is room for `capacity`.
@safe
struct PartList<Element: WireMessage>: ~Escapable {
    fileprivate let elements: UnsafeMutablePointer<UnsafeMutablePointer<Element>?>?
    private let capacity: Int
    private(set) var count: Int

    /// An empty list.
    ///
    /// - Parameter room: for `capacity` pointers, valid as long as `arena` is borrowed.
    @unsafe @_lifetime(borrow arena)
    init(
        _ room: UnsafeMutablePointer<UnsafeMutablePointer<Element>?>, capacity: Int,
        in arena: borrowing MessageArena
    ) {
        unsafe elements = unsafe room
        self.capacity = capacity
        count = 0
    }

    @_lifetime(copy neighbour)
    fileprivate init<Neighbour: ~Escapable>(
        _ elements: UnsafeMutablePointer<UnsafeMutablePointer<Element>?>?, count: Int,
        besides neighbour: Neighbour
    ) {
        unsafe self.elements = unsafe elements
        self.count = count
        capacity = count
    }

    /// Adds an element; the list must have room for it.
    mutating func append(_ element: Part<Element>) {
        precondition(count < capacity, "a list has room for its elements")
        unsafe elements?[count] = element.pointer
        count += 1
    }

    /// The value that `transform` makes of each element.
    func map<Value>(
        _ transform: (Part<Element>) throws(Failure) -> Value
    ) throws(Failure) -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(count)
        for index in 0..<count {
            guard let element = unsafe elements?[index] else { break }
            values.append(try transform(unsafe Part(element, besides: self)))
        }
        return values
    }
}

/// The array of a repeated number.
///
/// Safe for the reasons of `Part`; `count` elements are there.
@safe
struct NumberList: ~Escapable {
    fileprivate let elements: UnsafeMutablePointer<Int64>?
    let count: Int

    /// - Parameter elements: `count` of them, valid as long as `arena` is borrowed.
    @unsafe @_lifetime(borrow arena)
    init(
        _ elements: UnsafeMutablePointer<Int64>, count: Int, in arena: borrowing MessageArena
    ) {
        unsafe self.elements = unsafe elements
        self.count = count
    }

    @_lifetime(copy neighbour)
    fileprivate init<Neighbour: ~Escapable>(
        _ elements: UnsafeMutablePointer<Int64>?, count: Int, besides neighbour: Neighbour
    ) {
        unsafe self.elements = unsafe elements
        self.count = count
    }

    /// The numbers in Swift's memory.
    var values: [Int64] { unsafe Array(UnsafeBufferPointer(start: elements, count: count)) }
}

/// The array of a repeated text.
///
/// Safe for the reasons of `Part`; `count` elements are there, and there is room for `capacity`.
@safe
struct TextList: ~Escapable {
    fileprivate let elements: UnsafeMutablePointer<ProtobufCBinaryData>?
    private let capacity: Int
    private(set) var count: Int

    /// An empty list.
    ///
    /// - Parameter room: for `capacity` texts, valid as long as `arena` is borrowed.
    @unsafe @_lifetime(borrow arena)
    init(
        _ room: UnsafeMutablePointer<ProtobufCBinaryData>, capacity: Int,
        in arena: borrowing MessageArena
    ) {
        unsafe elements = unsafe room
        self.capacity = capacity
        count = 0
    }

    @_lifetime(copy neighbour)
    fileprivate init<Neighbour: ~Escapable>(
        _ elements: UnsafeMutablePointer<ProtobufCBinaryData>?, count: Int,
        besides neighbour: Neighbour
    ) {
        unsafe self.elements = unsafe elements
        self.count = count
        capacity = count
    }

    /// Adds a text; the list must have room for it.
    mutating func append(_ text: WireBytes) {
        precondition(count < capacity, "a list has room for its elements")
        unsafe elements?[count] = text.data
        count += 1
    }

    /// The texts in Swift's memory.
    func texts(_ path: String) throws(Failure) -> [String] {
        var texts: [String] = []
        for index in 0..<count {
            guard let data = unsafe elements?[index] else { break }
            texts.append(try Field.text(unsafe WireBytes(data, besides: self), path))
        }
        return texts
    }
}

/// A field of bytes, or of a text, which is bytes for libprotobuf-c.
///
/// Safe for the reasons of `Part`.
@safe
struct WireBytes: ~Escapable {
    fileprivate let data: ProtobufCBinaryData

    /// - Parameter data: valid as long as `arena` is borrowed.
    @unsafe @_lifetime(borrow arena)
    init(_ data: ProtobufCBinaryData, in arena: borrowing MessageArena) {
        unsafe self.data = unsafe data
    }

    @inline(__always) @_lifetime(copy neighbour)
    fileprivate init<Neighbour: ~Escapable>(
        _ data: ProtobufCBinaryData, besides neighbour: Neighbour
    ) {
        unsafe self.data = unsafe data
    }

    /// How many bytes.
    var count: Int { unsafe data.len }

    /// The bytes in Swift's memory.
    func copied() -> [UInt8] { unsafe Array(elements) }

    /// As a request id; nil if there are too many bytes.
    func requestID() -> RequestID? { unsafe RequestID(RawSpan(_unsafeElements: elements)) }

    /// The text in Swift's memory; nil if it is not valid UTF-8.
    func text() -> String? {
        let span = unsafe Span(_unsafeElements: elements)
        do { return String(copying: try UTF8Span(validating: span)) } catch { return nil }
    }

    /// The bytes in place; `data` may be NULL if there are none.
    private var elements: UnsafeBufferPointer<UInt8> {
        unsafe UnsafeBufferPointer(start: data.data, count: data.len)
    }
}

/// The numbers of the .proto. `Int` is not one of them: it counts the elements of arrays.
protocol WireNumber {}

extension Int64: WireNumber {}
extension UInt32: WireNumber {}
extension UInt64: WireNumber {}
