/// What standard output can show.
internal import Glibc

struct TerminalStyle: Equatable {
    /// Whether lines may be written over.
    let isTerminal: Bool
    /// Whether text may have colours: not if `NO_COLOR` is set to anything, see no-color.org.
    let isColoured: Bool

    init(
        _ variables: [String: String], isTerminal: Bool = isatty(STDOUT_FILENO) == 1
    ) {
        let isDumb = variables["TERM"] == "dumb"
        self.isTerminal = isTerminal && !isDumb
        isColoured = self.isTerminal && (variables["NO_COLOR"] ?? "").isEmpty
    }

    /// The size of the terminal; 80 columns by 24 rows if it is not known.
    static var size: TopScreen.Size {
        var size = winsize()
        let isKnown = unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0
        guard isKnown, size.ws_col > 0, size.ws_row > 0 else {
            return TopScreen.Size(columns: 80, rows: 24)
        }
        return TopScreen.Size(columns: Int(size.ws_col), rows: Int(size.ws_row))
    }
}
