// So that `import CouponClient` brings the words of CouponDomain.

@_exported public import CouponDomain
