// SPDX-License-Identifier: Apache-2.0
// The names are those of the header.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CInfenclave
import SealedChannel

/// An access token behind a pointer.
final class Token: Sendable {
    let token: AccessToken
    init(_ token: AccessToken) { self.token = token }
}

/// Reads a token file, which must be readable by its owner only. `infenclave.h` documents the parameters.
@c @implementation
public func infenclave_token_read(
    _ path: UnsafePointer<CChar>!, _ token: UnsafeMutablePointer<OpaquePointer?>!,
    _ failure: UnsafeMutablePointer<infenclave_buffer>!
) -> Int32 {
    guard let path, let token, let failure else { return INFENCLAVE_MISUSE }
    return answer(failure) {
        let path = try text(path, "the token's path")
        do throws(SealedChannelError) {
            token.pointee = Handle.make(Token(try AccessToken(contentsOf: path)))
        } catch {
            throw Failure(
                "invalidConfiguration", error.message,
                remedy: "give the file that `infenclave keygen token` wrote, with mode 0600")
        }
    }
}

/// Copies a token of 32 bytes.
@c @implementation
public func infenclave_token_copy(
    _ bytes: infenclave_bytes, _ token: UnsafeMutablePointer<OpaquePointer?>!,
    _ failure: UnsafeMutablePointer<infenclave_buffer>!
) -> Int32 {
    guard let token, let failure else { return INFENCLAVE_MISUSE }
    return answer(failure) {
        // The only copy is in secret memory.
        let raw = UnsafeRawBufferPointer(start: bytes.bytes, count: bytes.bytes == nil ? 0 : bytes.count)
        guard let copied = AccessToken(bytes: raw.bytes) else {
            throw Failure("invalidConfiguration", "a token has 32 bytes, found \(raw.count)")
        }
        token.pointee = Handle.make(Token(copied))
    }
}

/// Frees a token. Its memory is wiped when no request uses it any more.
@c @implementation
public func infenclave_token_free(_ token: OpaquePointer!) { Handle.free(token, as: Token.self) }
