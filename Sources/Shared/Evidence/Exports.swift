// SPDX-License-Identifier: Apache-2.0
// Code that reads evidence also reads hexadecimal text, so importing this module imports that one.
@_exported public import Hexadecimal
