/// How many connections one address may have.

enum AddressLimit: Equatable, Sendable {
    /// A share of all connections for addresses beyond this machine.
    case automatic
    case off
    case number(Int)
}

extension Form<AddressLimit> {
    static let addressLimit: Form = {
        let whole = Form<Int>.whole(1...1_000_000)
        return Form(description: "auto, off, or " + whole.description) { text in
            switch text {
            case "auto": .automatic
            case "off": .off
            default: whole.parse(text).map { .number($0) }
            }
        }
    }()
}
