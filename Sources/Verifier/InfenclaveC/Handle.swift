// SPDX-License-Identifier: Apache-2.0
// The names are those of the header.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CInfenclave

/// The object behind an opaque pointer of the C interface.
enum Handle {
    /// A pointer that owns the object, until ``free(_:as:)``.
    static func make(_ object: some AnyObject) -> OpaquePointer {
        OpaquePointer(Unmanaged.passRetained(object).toOpaque())
    }

    static func object<Object: AnyObject>(_ pointer: OpaquePointer, as _: Object.Type) -> Object {
        Unmanaged<Object>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
    }

    static func free<Object: AnyObject>(_ pointer: OpaquePointer?, as _: Object.Type) {
        guard let pointer else { return }
        Unmanaged<Object>.fromOpaque(UnsafeRawPointer(pointer)).release()
    }
}

extension infenclave_bytes {
    /// A copy; `nil` for a count without bytes.
    var array: [UInt8]? {
        guard count > 0 else { return [] }
        guard let bytes else { return nil }
        return Array(UnsafeBufferPointer(start: bytes, count: count))
    }
}

extension UnsafeMutablePointer where Pointee == infenclave_buffer {
    /// Fills the caller's buffer with bytes that the caller has to free.
    func set(_ array: [UInt8]) {
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(array.count, 1))
        copy.update(from: array, count: array.count)
        pointee = infenclave_buffer(bytes: copy, count: array.count)
    }
}

/// - Parameter buffer: Given by another function here.
@c @implementation
public func infenclave_buffer_free(_ buffer: UnsafeMutablePointer<infenclave_buffer>!) {
    guard let buffer, let bytes = buffer.pointee.bytes else { return }
    bytes.deallocate()
    buffer.pointee = infenclave_buffer(bytes: nil, count: 0)
}

/// `INFENCLAVE_ABI_VERSION` of the library. A program compares it with the header's before it calls anything else.
@c @implementation
public func infenclave_abi_version() -> UInt32 { UInt32(INFENCLAVE_ABI_VERSION) }
