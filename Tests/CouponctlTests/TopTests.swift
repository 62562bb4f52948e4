import CouponCore
import Foundation
import Testing

@testable import couponctl

/// The screen of `couponctl top`, in terminals of fixed sizes.
@Suite struct TopTests {
    private func document(
        at seconds: Int64, issued: Int = 0, trouble: String? = nil, ready: Bool = true,
        coupons: Int = 3
    ) throws -> StatusDocument {
        let list = (0..<coupons).map { index in
            """
            {"id":"\(index + 7)","title":"봄 세일 \(index)","total":200,"issued":\(50 * index),
            "state":"active","opens":0,"closes":\(Int64.max)}
            """
        }
        let text = """
            {"version":"0.1.0","now":\(1_750_000_000_000 + seconds * 1_000),"ready":\(ready),
            "trouble":\(trouble.map { "\"\($0)\"" } ?? "null"),"metrics":{
            "coupond_issued_total":\(issued),"coupond_bounced_total":\(40 * issued),
            "coupond_requests_total{outcome=\\"accepted\\"}":\(issued),
            "coupond_requests_total{outcome=\\"issued\\"}":\(issued),
            "coupond_queue_entries{partition=\\"0\\"}":12,"coupond_queue_entries{partition=\\"1\\"}":30,
            "coupond_connections":5000,"coupond_requests_in_flight":3,
            "process_resident_memory_bytes":67108864},
            "partitions":[{"owned":true,"open":true,"age":0.25,"rebuild":null},
            {"owned":false,"open":false,"age":null,"rebuild":null}],
            "coupons":[\(list.joined(separator: ","))]}
            """
        return try JSONDecoder().decode(StatusDocument.self, from: Data(text.utf8))
    }

    private let screen = TopScreen(address: "127.0.0.1:7071", isColoured: false)

    @Test func `a terminal of 80 by 24 has rates, queues and coupons`() throws {
        let lines = screen.lines(
            try document(at: 2, issued: 24_690), since: try document(at: 0, issued: 0),
            in: .init(columns: 80, rows: 24))
        #expect(
            lines == [
                "coupond 0.1.0 at 127.0.0.1:7071   ready",
                "",
                "accepted 24 690/s   issued 12 345/s   bounced 493 800/s",
                "queued 42   oldest 250 ms   in flight 3   connections 5 000",
                "partitions 1 of 2 owned, 1 open   memory 64 MiB",
                "",
                "COUPON  ISSUED  TOTAL  STATE  PROGRESS                    TITLE",
                "     7       0    200  open   ....................   0 %  봄 세일 0",
                "     8      50    200  open   #####...............  25 %  봄 세일 1",
                "     9     100    200  open   ##########..........  50 %  봄 세일 2",
            ])
    }

    @Test(arguments: [(40, 10), (20, 5), (200, 60), (1, 1)])
    func `nothing is wider or longer than the terminal`(_ columns: Int, _ rows: Int) throws {
        let now = try document(at: 1, issued: 5, trouble: "Redis is not reachable", coupons: 24)
        let lines = screen.lines(now, since: nil, in: .init(columns: columns, rows: rows))
        #expect(lines.count <= rows)
        for line in lines { #expect(line.terminalCells <= columns, "\(line)") }
    }

    @Test func `the state has a colour only where colours are wanted`() throws {
        let coloured = TopScreen(address: "a:1", isColoured: true)
        let size = TopScreen.Size(columns: 80, rows: 24)
        let well = coloured.lines(try document(at: 0), since: nil, in: size)[0]
        #expect(well == "\u{1B}[1mcoupond 0.1.0 at a:1   ready\u{1B}[0m")
        let away = try document(at: 0, trouble: "all \\u001b[2J is away", ready: false)
        let text = coloured.lines(away, since: nil, in: size)[0]
        #expect(text.hasPrefix("\u{1B}[1;31m"))
        #expect(text.contains("not ready: all \\u{1b}[2J is away"))
        #expect(!screen.lines(away, since: nil, in: size)[0].contains("\u{1B}"))
    }

    @Test func `NO_COLOR and a dumb terminal are respected`() {
        func style(_ variables: [String: String], _ isTerminal: Bool = true) -> TerminalStyle {
            TerminalStyle(variables, isTerminal: isTerminal)
        }
        #expect(style([:]).isColoured && style(["NO_COLOR": ""]).isColoured)
        #expect(!style(["NO_COLOR": "1"]).isColoured && style(["NO_COLOR": "1"]).isTerminal)
        #expect(!style(["TERM": "dumb"]).isTerminal && !style(["TERM": "dumb"]).isColoured)
        #expect(!style([:], false).isTerminal && !style([:], false).isColoured)
    }

    @Test func `outside a terminal each look is one line`() throws {
        let line = TopScreen.plain(
            try document(at: 1, issued: 10), since: try document(at: 0, issued: 0))
        #expect(
            line == "2025-06-15T15:06:41Z accepted/s 20 issued/s 10 bounced/s 400 queued 42 "
                + "connections 5000 ready")
    }

    @Test(arguments: [Int64.min, .max], ["1e300", "-1e300", "1e308"])
    func `figures of a server that is not coupond do not crash couponctl top`(
        now: Int64, figure: String
    ) throws {
        let metrics = [
            "coupond_issued_total", "coupond_bounced_total", "process_resident_memory_bytes",
            "coupond_connections", "coupond_requests_in_flight",
            "coupond_queue_entries{partition=\\\"0\\\"}",
            "coupond_queue_entries{partition=\\\"1\\\"}",
            "coupond_requests_total{outcome=\\\"accepted\\\"}",
            "coupond_requests_total{outcome=\\\"issued\\\"}",
        ]
        let text = """
            {"version":"0.1.0","now":\(now),"ready":true,"trouble":null,"metrics":{
            \(metrics.map { "\"\($0)\":\(figure)" }.joined(separator: ","))},
            "partitions":[{"owned":true,"open":true,"age":\(figure),"rebuild":\(figure)}],
            "coupons":[{"id":"7","title":"t","total":\(Int64.min),"issued":\(Int64.max),
            "state":"active","opens":0,"closes":0}]}
            """
        let foreign = try JSONDecoder().decode(StatusDocument.self, from: Data(text.utf8))
        for before in [nil, foreign, try document(at: 0)] {
            let lines = screen.lines(
                foreign, since: before, in: .init(columns: 80, rows: 24))
            #expect(lines[0] == "coupond 0.1.0 at 127.0.0.1:7071   ready")
            #expect(TopScreen.plain(foreign, since: before).hasSuffix(" ready"))
        }
    }

    @Test func `a restarted daemon has no negative rates`() throws {
        let rates = TopScreen.Rates(
            try document(at: 1, issued: 10), since: try document(at: 0, issued: 5_000))
        #expect(rates.issued == 0 && rates.accepted == 0)
    }
}
