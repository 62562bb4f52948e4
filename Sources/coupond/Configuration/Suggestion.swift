/// "Did you mean …?"

/// The name among `known` that is nearest to what was written, or the only one that begins so; nil if none is
/// near.
func suggestion(for written: String, among known: [String]) -> String? {
    // Such as "warn", or "tls-cert".
    let longer = written.count < 3 ? [] : known.filter { $0.hasPrefix(written) }
    if longer.count == 1 { return longer[0] }
    let farthest = max(2, written.count / 3)
    // Skips names of very different length, so a long text is not compared with each name.
    return known.filter { abs($0.count - written.count) <= farthest }
        .map { (name: $0, distance: editDistance(written, $0)) }
        .filter { $0.distance <= farthest }
        .min { $0.distance < $1.distance }?.name
}

/// Insertions, deletions and replacements from one text to the other (Levenshtein).
private func editDistance(_ left: String, _ right: String) -> Int {
    let right = Array(right)
    var previous = Array(0...right.count)
    for (row, character) in left.enumerated() {
        var current = [row + 1]
        for (column, other) in right.enumerated() {
            let replaced = previous[column] + (character == other ? 0 : 1)
            current.append(min(replaced, previous[column + 1] + 1, current[column] + 1))
        }
        previous = current
    }
    return previous[right.count]
}
