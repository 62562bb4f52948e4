import CouponClient

let client = CouponClient(address: ServerAddress(host: "127.0.0.1", port: 7070))

switch try await client.issue(7, to: 42) {
case .issued(let sequence, let time):
    print("coupon \(sequence), issued at \(time.microseconds) µs since 1970")
case .duplicate(let sequence, let state):
    print("this user asked before: \(sequence), \(state.name)")
case let refused:
    print("no coupon: \(refused.name)")
}
await client.close()
