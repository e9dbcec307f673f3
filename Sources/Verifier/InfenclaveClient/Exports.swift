// SPDX-License-Identifier: Apache-2.0
// What a user of the library needs, with one import.
@_exported public import Attestation
@_exported public import BundleFormat
@_exported public import Evidence
@_exported public import SealedChannel
@_exported public import Tensors
