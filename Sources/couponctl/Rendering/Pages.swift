/// Lists that come in pages.
internal import CouponClient

/// Prints up to `limit` items as JSON lines while they come, or as one table at the end.
/// - Parameters:
///   - place: where the first page begins.
///   - next: the page after a place, of at most so many items; its last item says where the next one begins.
func printPages<Item>(
    from place: Int64, limit: Int, asJSON: Bool, header: [String],
    next: (Int64, Int) async throws -> [Item], place placeOf: (Item) -> Int64,
    json: (Item) -> JSONValue, row: (Item) -> [String]
) async throws {
    var table = Table(header: header)
    var (last, left) = (place, limit)
    while left > 0, case let page = try await next(last, left), let end = page.last {
        if asJSON {
            try Output.write(page.map { json($0).description })
        } else {
            table.rows += page.map(row)
        }
        (last, left) = (placeOf(end), left - page.count)
    }
    if !asJSON { try Output.write(table.lines) }
}
