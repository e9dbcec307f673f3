// SPDX-License-Identifier: Apache-2.0
// Everything for users of the library, with one import.
@_exported public import Attestation
@_exported public import BundleFormat
@_exported public import Evidence
@_exported public import SealedChannel
@_exported public import Tensors
