internal import CouponCore
internal import FoundationEssentials

/// A JSON document of the trail before and after a change.
struct ChangedDocument {
    /// Nil if there was none.
    let before: String?
    /// Nil if there is none.
    let after: String?

    /// The members that differ, for people; all of them if one side is missing.
    var text: String {
        let (old, new) = (members(of: before), members(of: after))
        let names = Set(old.keys).union(new.keys).sorted()
        let changes = names.compactMap { name -> String? in
            let (from, to) = (old[name], new[name])
            if from == to { return nil }
            return "\(name): " + [from, to].compactMap { $0?.text }.joined(separator: " → ")
        }
        return changes.isEmpty ? "-" : changes.joined(separator: ", ")
    }

    private func members(of document: String?) -> [String: JSONValue] {
        guard case .object(let members) = JSONValue.document(document) else { return [:] }
        return Dictionary(members, uniquingKeysWith: { first, _ in first })
    }
}

extension JSONValue {
    /// A document from outside, with its members by name and its moments as RFC 3339. A text that is not a
    /// document is a string.
    static func document(_ text: String?) -> JSONValue {
        guard let text else { return .null }
        let value = try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        guard case .object(let members) = value else { return value ?? .string(text) }
        return .object(
            members.map { name, value in
                guard name.hasSuffix("_at"), case .integer(let moment) = value else {
                    return (name, value)
                }
                return (name, .time(Timestamp(microseconds: moment)))
            })
    }
}

extension JSONValue: Decodable {
    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        if let members = try? decoder.container(keyedBy: Name.self) {
            let names = members.allKeys.sorted { $0.stringValue < $1.stringValue }
            self = .object(
                try names.map { ($0.stringValue, try members.decode(JSONValue.self, forKey: $0)) })
            return
        }
        if var elements = try? decoder.unkeyedContainer() {
            var values: [JSONValue] = []
            while !elements.isAtEnd { values.append(try elements.decode(JSONValue.self)) }
            self = .array(values)
            return
        }
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let integer = try? value.decode(Int64.self) {
            self = .integer(integer)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else {
            self = .string(try value.decode(String.self))
        }
    }
}
