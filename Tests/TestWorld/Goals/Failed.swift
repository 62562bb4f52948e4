/// Why a case or an attack did not reach its end.
package struct Failed: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
