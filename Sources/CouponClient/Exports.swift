// A user of the client needs its words, and no other import.

@_exported public import CouponDomain
