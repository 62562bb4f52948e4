/// Reads the tables and the gates with psql and redis-cli, without the code under test.
package import CouponCore
package import HistoryChecker
internal import TestSupport

extension World {
    /// All that the checker compares.
    package func tables() async throws -> Tables {
        var tables = try await partitions()
        for row in try TextRow.parse(sql(Self.rows)) {
            switch row.kind {
            case "coupon": try tables.coupons.append(row.coupon())
            case "issue": try tables.issues.append(row.request())
            case "rejection": try tables.rejections.append(row.request())
            default: try tables.deadLetters.append(row.request())
            }
        }
        return tables
    }

    /// Only partitions and the gate's counters.
    package func partitions() async throws -> Tables {
        var tables = Tables()
        var gates: [Int: Tables.Gate] = [:]
        // A replica that Sentinel watches has the gates, too.
        let master = try await sentinels?.master() ?? redis
        for node in cluster?.allNodes ?? [master] {
            let text = try await node.cli("EVAL", Self.gates, "0")
            for row in TextRow.parse(text) {
                switch row.kind {
                case "gate": gates[try Int(row.number(0))] = try row.gate()
                case "record": tables.records[CouponID(try row.number(0))] = try row.record()
                default: throw Unexpected(what: "redis-cli: \(text)")
                }
            }
        }
        for row in try TextRow.parse(sql(Self.cursors)) {
            let id = try Int(row.number(0))
            tables.partitions.append(
                Tables.Partition(
                    id: PartitionID(id), epoch: try row.number(1),
                    cursor: try row.position(2), gate: gates[id]))
        }
        return tables
    }

    /// How many issues each coupon has, in one snapshot; throws while PostgreSQL is away.
    package func readings(at moment: Timestamp) throws -> [Reading] {
        let text = try sql(
            """
            SELECT 'reading', id, issued,
                (SELECT count(*) FROM coupond.coupon_issue WHERE coupon_id = id)
            FROM coupond.coupon
            """)
        return try TextRow.parse(text).map { row in
            Reading(
                at: moment, coupon: CouponID(try row.number(0)), rows: try row.number(2),
                issued: try row.number(1))
        }
    }

    private static let cursors = """
        SELECT 'partition', id, epoch, cursor_epoch, cursor_n FROM coupond.partition ORDER BY id
        """

    /// One statement, so that it reads one snapshot.
    private static let rows = """
        SELECT 'coupon', id, total, issued, NULL, NULL FROM coupond.coupon
        UNION ALL
        SELECT 'issue', coupon_id, user_id, sequence, encode(request_id, 'hex'),
            (extract(epoch FROM accepted_at) * 1000000)::bigint
        FROM coupond.coupon_issue
        UNION ALL
        SELECT 'rejection', coupon_id, user_id, sequence, encode(request_id, 'hex'), NULL
        FROM coupond.issue_rejection
        UNION ALL
        SELECT 'dead', coupon_id, user_id, sequence, encode(request_id, 'hex'), NULL
        FROM coupond.dead_letter WHERE state = 1 AND user_id IS NOT NULL
        """

    private static let gates = """
        local rows = {}
        local function add(...) rows[#rows + 1] = table.concat({...}, '|') end
        for _, key in ipairs(redis.call('KEYS', 'coupond:*:gate')) do
          local prefix, id = string.match(key, '^(coupond:{(%d+)}:)')
          local gate = redis.pcall('GET', key)
          -- An error is that of a node of a cluster that does not serve the slot, such as a replica.
          if type(gate) == 'string' then
            local _, status, epoch, _, settled_epoch, settled_n = struct.unpack('>BBI8I8I8I8', gate)
            add('gate', id, ({ 'fenced', 'open' })[status], epoch, settled_epoch, settled_n,
              redis.call('XLEN', prefix .. 'queue'))
            for _, record in ipairs(redis.call('KEYS', prefix .. epoch .. ':*:record')) do
              local _, used, queued, next = struct.unpack('>BI8I8I8', redis.call('GET', record))
              add('record', string.match(record, ':(%d+):record'), used, queued, next)
            end
          end
        end
        return rows
        """
}

/// One line of text with columns separated by `|`, as both programs print.
private struct TextRow {
    let kind: Substring
    private let columns: [Substring]

    static func parse(_ text: String) -> [TextRow] {
        text.split(separator: "\n").map { line in
            let columns = line.split(separator: "|", omittingEmptySubsequences: false)
            return TextRow(kind: columns[0], columns: Array(columns.dropFirst()))
        }
    }

    func number(_ index: Int) throws -> Int64 {
        guard index < columns.count, let number = Int64(columns[index]) else {
            throw Unexpected(what: "\(kind) \(columns)")
        }
        return number
    }

    func position(_ index: Int) throws -> Position {
        Position(epoch: try number(index), n: try number(index + 1))
    }

    func coupon() throws -> Tables.CouponRow {
        Tables.CouponRow(
            id: CouponID(try number(0)), total: columns[1].isEmpty ? nil : try number(1),
            issued: try number(2))
    }

    func request() throws -> Tables.RequestRow {
        Tables.RequestRow(
            coupon: CouponID(try number(0)), user: UserID(try number(1)), sequence: try number(2),
            requestID: try requestID(3),
            acceptedAt: columns[4].isEmpty ? nil : Timestamp(microseconds: try number(4)))
    }

    private func requestID(_ index: Int) throws -> RequestID {
        let digits = Array(columns[index])
        let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(digits[$0...$0 + 1]), radix: 16)
        }
        guard let id = RequestID(bytes) else { throw Unexpected(what: "\(kind) \(columns)") }
        return id
    }

    func gate() throws -> Tables.Gate {
        Tables.Gate(
            isOpen: columns[1] == "open", epoch: try number(2), settled: try position(3),
            entries: try number(5))
    }

    func record() throws -> Tables.Record {
        Tables.Record(used: try number(1), queued: try number(2), nextSequence: try number(3))
    }
}

/// Something that the test did not expect, such as the output of another program.
package struct Unexpected: Error, CustomStringConvertible {
    let what: String

    package init(what: String) { self.what = what }

    package var description: String { what }
}
