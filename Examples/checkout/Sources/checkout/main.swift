// A checkout: PUT /orders/UUID with {"coupon": 1, "user": 42} gives the user a coupon with the order, and
// says "issued", "not issued" or "unknown". Options: COUPOND (its address), PORT, ORDERS (a file).
import CouponClient
import Foundation
import Hummingbird

struct Wish: Decodable {
    let coupon: Int64
    let user: Int64
}

extension Order: ResponseEncodable {
    /// 200, 409 and 202 are answers; 503 asks to try again.
    var status: HTTPResponse.Status {
        switch word {
        case .issued: .ok
        case .unknown: .accepted
        case .notIssued: decided ? .conflict : .serviceUnavailable
        }
    }
}

let environment = ProcessInfo.processInfo.environment
guard let address = ServerAddress(environment["COUPOND"] ?? "127.0.0.1:7070"),
    let port = Int(environment["PORT"] ?? "8080")
else { fatalError("COUPOND is HOST:PORT, PORT a number") }

let client = CouponClient(address: address)
let book = try OrderBook(file: URL(filePath: environment["ORDERS"] ?? "orders.json"))
let checkout = Checkout(client: client, book: book)

let router = Router()
router.put("orders/{id}") { request, context in
    let wish = try await request.decode(as: Wish.self, context: context)
    guard let id = UUID(uuidString: try context.parameters.require("id")), wish.coupon > 0,
        wish.user > 0
    else { throw HTTPError(.badRequest) }
    let order = try await checkout.place(Order(order: id, coupon: wish.coupon, user: wish.user))
    return EditedResponse(status: order.status, response: order)
}

// At a shutdown the server ends first, and then the client, when its calls are answered.
var application = Application(
    router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)),
    services: [client])
application.beforeServerStarts { try await checkout.settleUnknown() }
try await application.runService()
