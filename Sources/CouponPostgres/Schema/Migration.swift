/// The numbered scripts of `Migrations`, embedded in the binary.
///
/// SwiftPM names each after its file, with the first digit replaced: `0001_coupond.sql` is
/// `_001_coupond_sql`. Scripts are only ever added; each names the schema in all it does.
struct Migration {
    let number: Int64
    let name: String
    let script: String

    /// In the order in which they run.
    static let all = [
        Migration(number: 1, name: "coupond", bytes: PackageResources._001_coupond_sql),
        Migration(
            number: 2, name: "dead_letters", bytes: PackageResources._002_dead_letters_sql),
        Migration(
            number: 3, name: "dead_letter_indexes",
            bytes: PackageResources._003_dead_letter_indexes_sql),
        Migration(number: 4, name: "outbox", bytes: PackageResources._004_outbox_sql),
        Migration(
            number: 5, name: "entries_of_several_coupons",
            bytes: PackageResources._005_entries_of_several_coupons_sql),
        Migration(
            number: 6, name: "opening_coupons",
            bytes: PackageResources._006_opening_coupons_sql),
        Migration(number: 7, name: "trail", bytes: PackageResources._007_trail_sql),
        Migration(number: 8, name: "redis_term", bytes: PackageResources._008_redis_term_sql),
        Migration(
            number: 9, name: "commit_log", bytes: PackageResources._009_commit_log_sql),
        Migration(
            number: 10, name: "coupon_life", bytes: PackageResources._010_coupon_life_sql),
        Migration(
            number: 11, name: "held_letters", bytes: PackageResources._011_held_letters_sql),
    ]

    /// The version of a database that lacks none.
    static let newest = Int64(all.count)

    private init(number: Int64, name: String, bytes: [UInt8]) {
        self.number = number
        self.name = name
        script = String(decoding: bytes, as: UTF8.self)
    }
}
