// The names of the .proto, as the generated code has them.

internal import CCouponProto
internal import CProtobufC

extension WireMessage {
    /// A field's name in the .proto; nil if the message has no field of this number.
    static func fieldName(_ number: UInt32) -> String? {
        unsafe withUnsafePointer(to: descriptor) { descriptor in
            guard let field = unsafe protobuf_c_message_descriptor_get_field(descriptor, number)
            else { return nil }
            return unsafe String(cString: field.pointee.name)
        }
    }

    /// The names of the fields that belong to a oneof.
    static var namesInOneofs: [String] {
        unsafe withUnsafePointer(to: descriptor) { descriptor in
            let count = unsafe Int(descriptor.pointee.n_fields)
            return (0..<count).compactMap { index in
                let field = unsafe descriptor.pointee.fields[index]
                let isInOneof = unsafe field.flags & PROTOBUF_C_FIELD_FLAG_ONEOF.rawValue != 0
                return unsafe isInOneof ? String(cString: field.name) : nil
            }
        }
    }
}
