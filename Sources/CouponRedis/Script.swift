/// The scripts, embedded in the binary, with the preludes that they share.
///
/// A script is atomic: each step of the protocol in Redis is one of these.
internal import CouponCore

enum Script: CaseIterable, Sendable {
    case gate, read, entries, list, settle, heartbeat, fence, move, distrust, beat, count, open
    case claim, stage, load, complete, abandon, set, cap, remove, letter, inspect, unload, rights
    /// `stage` and `load` for a rebuild. It may exceed Redis' memory limit, because nothing is accepted or
    /// issued before it has ended.
    case stageInRebuild, loadInRebuild

    /// The text to load: the first line with its flags, the preludes, the rest; with the values of `Layout`.
    var text: [UInt8] { text(inCluster: false) }

    /// - Parameter isCluster: whether events are published at the partition's node only.
    func text(inCluster isCluster: Bool) -> [UInt8] {
        (isCluster ? Self.clusterTexts[self] : Self.texts[self]) ?? []
    }

    /// Loads it; the reply is the name under which Redis knows it.
    var loadCommand: Command { loadCommand(inCluster: false) }

    func loadCommand(inCluster isCluster: Bool) -> Command {
        var command = Command(argumentCount: 3, capacity: 16_384)
        command.append("SCRIPT")
        command.append("LOAD")
        command.append(text(inCluster: isCluster))
        return command
    }

    private static let texts = Dictionary(
        uniqueKeysWithValues: allCases.map { ($0, Layout.withValues($0.assembled)) })

    private static let clusterTexts = texts.mapValues { text in
        Array(
            String(decoding: text, as: UTF8.self)
                .replacing("redis.call('PUBLISH'", with: "redis.call('SPUBLISH'").utf8)
    }

    private var assembled: [UInt8] {
        let own = resource
        let end = own.firstIndex(of: UInt8(ascii: "\n")) ?? own.endIndex
        let flags = passesMemoryLimit ? Array(" flags=allow-oom".utf8) : []
        return own[..<end] + flags + [UInt8(ascii: "\n")] + PackageResources.prelude_lua
            + (self == .gate ? [] : PackageResources.changes_lua) + own[end...]
    }

    private var passesMemoryLimit: Bool { self == .stageInRebuild || self == .loadInRebuild }

    private var resource: [UInt8] {
        switch self {
        case .gate: PackageResources.gate_lua
        case .read: PackageResources.read_lua
        case .entries: PackageResources.entries_lua
        case .list: PackageResources.list_lua
        case .settle: PackageResources.settle_lua
        case .heartbeat: PackageResources.heartbeat_lua
        case .fence: PackageResources.fence_lua
        case .move: PackageResources.move_lua
        case .beat: PackageResources.beat_lua
        case .count: PackageResources.count_lua
        case .claim: PackageResources.claim_lua
        case .stage, .stageInRebuild: PackageResources.stage_lua
        case .load, .loadInRebuild: PackageResources.load_lua
        case .complete: PackageResources.complete_lua
        case .abandon: PackageResources.abandon_lua
        case .unload: PackageResources.unload_lua
        case .distrust: PackageResources.distrust_lua
        case .open: PackageResources.open_lua
        case .set: PackageResources.set_lua
        case .cap: PackageResources.cap_lua
        case .remove: PackageResources.remove_lua
        case .letter: PackageResources.letter_lua
        case .inspect: PackageResources.inspect_lua
        case .rights: PackageResources.rights_lua
        }
    }
}
