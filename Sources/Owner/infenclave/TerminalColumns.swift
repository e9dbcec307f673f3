import Foundation

/// The columns of the terminal that the output goes to, at least 40; 80 where it goes elsewhere.
func terminalColumns() -> Int {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return max(40, Int(size.ws_col))
}
