// SPDX-License-Identifier: Apache-2.0
// Who reads evidence reads hexadecimal text: importing this module imports that one, too.
@_exported public import Hexadecimal
