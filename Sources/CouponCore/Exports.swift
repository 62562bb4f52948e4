// The core speaks the words of CouponDomain, so that `import CouponCore` brings them along.

@_exported public import CouponDomain
