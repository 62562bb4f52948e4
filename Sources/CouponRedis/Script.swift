/// The scripts, embedded in the binary, with the prelude that they share.
///
/// A script is the unit of atomicity: each step of the protocol that Redis takes is one of these.
internal import CouponCore

enum Script: CaseIterable, Sendable {
    case gate, read, settle, heartbeat, fence, load, open, set, cap, letter, inspect

    /// The text to load: the first line with its flags, the prelude, the rest.
    var text: [UInt8] {
        let own = resource
        let end = own.firstIndex(of: UInt8(ascii: "\n")) ?? own.endIndex
        return own[..<end] + [UInt8(ascii: "\n")] + PackageResources.prelude_lua + own[end...]
    }

    private var resource: [UInt8] {
        switch self {
        case .gate: PackageResources.gate_lua
        case .read: PackageResources.read_lua
        case .settle: PackageResources.settle_lua
        case .heartbeat: PackageResources.heartbeat_lua
        case .fence: PackageResources.fence_lua
        case .load: PackageResources.load_lua
        case .open: PackageResources.open_lua
        case .set: PackageResources.set_lua
        case .cap: PackageResources.cap_lua
        case .letter: PackageResources.letter_lua
        case .inspect: PackageResources.inspect_lua
        }
    }
}
