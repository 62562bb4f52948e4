/// Text in JSON documents, as the log, the trail and couponctl write them.

extension String {
    /// This text as a JSON string, with its quotes. Characters that would change a terminal are escaped too.
    package var quotedForJSON: String {
        var quoted = "\""
        visitScalars { scalar, isUnsafe in
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case _ where isUnsafe:
                for unit in String(scalar).utf16 { quoted += Self.escaped(unit) }
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    private static func escaped(_ unit: UInt16) -> String {
        let digits = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}
