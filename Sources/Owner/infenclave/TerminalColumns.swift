// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The width of the output's terminal, at least 40; 80 if the output is no terminal.
func terminalColumns() -> Int {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return max(40, Int(size.ws_col))
}
