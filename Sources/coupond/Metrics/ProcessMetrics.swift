/// What Linux knows of this process, by the names that Prometheus' client libraries use, and the version.
internal import CouponCore
internal import CouponServer
internal import Glibc

enum ProcessMetrics {
    /// In Prometheus' text format; reads files below /proc. What cannot be read is left out.
    /// - Parameter start: when the daemon started. The unit hides /proc/stat, from which other programs
    ///   compute that.
    static func text(startedAt start: Timestamp) -> String {
        let build = PrometheusText.family(
            MetricName.buildInfo, .gauge, [("{version=\"\(Coupond.version)\"}", "1")])
        return build + gauge(.startTime, Double(start.microseconds / 10_000) / 100)
            + (usage ?? "") + (descriptors ?? "")
    }

    /// Fields of /proc/self/stat, numbered as in proc(5).
    private static var fields: ((Int) -> Double)? {
        guard let text = read("/proc/self/stat"), let name = text.lastIndex(of: ")") else {
            return nil
        }
        let fields = text[text.index(after: name)...].split(separator: " ").map { Double($0) ?? 0 }
        return { number in number - 3 < fields.count ? fields[number - 3] : 0 }
    }

    private static let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))

    private static var usage: String? {
        guard let field = fields else { return nil }
        return gauge(.threads, field(20)) + gauge(.virtualMemory, field(23))
            + gauge(.residentMemory, field(24) * Double(sysconf(Int32(_SC_PAGESIZE))))
            + PrometheusText.family(
                MetricName.Process.cpu.rawValue, .counter,
                [("", "\((field(14) + field(15)) / ticksPerSecond)")])
    }

    private static var descriptors: String? {
        guard let folder = unsafe opendir("/proc/self/fd") else { return nil }
        defer { unsafe closedir(folder) }
        // `.`, `..` and this folder's own descriptor.
        var open = -3
        while unsafe readdir(folder) != nil { open += 1 }
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return gauge(.openFiles, Double(open))
        }
        return gauge(.openFiles, Double(open)) + gauge(.maximumFiles, Double(limit.rlim_cur))
    }

    private static func gauge(_ name: MetricName.Process, _ value: Double) -> String {
        let whole = Int64(exactly: value).map(String.init)
        return PrometheusText.family(name.rawValue, .gauge, [("", whole ?? "\(value)")])
    }

    /// A small text; nil if it cannot be read.
    private static func read(_ path: String) -> String? {
        guard let file = unsafe fopen(path, "re") else { return nil }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4_096)
        while case let count = unsafe fread(&part, 1, part.count, file), count > 0 {
            bytes += part.prefix(count)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
