// SPDX-License-Identifier: Apache-2.0
import CNitro
import EnclavePlatform
import Glibc
import Synchronization
import Testing

/// The behaviour of the driver's model in the next calls, and the requests that it got. C calls it, so it can capture
/// nothing.
private struct Driver {
    /// `nil` writes the answer; else the errno of the call.
    var failures: [Int32?] = []
    var answer: [UInt8] = []
    /// The length that the driver reports, if it is wrong.
    var claimedLength: UInt64?
    var requests: [[UInt8]] = []
    var numbers: [UInt] = []
}

private let driver = Mutex(Driver())

/// The driver as drivers/misc/nsm.c has it: it reads `struct nsm_raw` by its offsets, and writes the answer's length back.
private let model: cnitro_call = { _, number, argument in
    driver.withLock { driver in
        guard let message = argument else { return -1 }
        func word(_ index: Int) -> UInt64 { message.load(fromByteOffset: 8 * index, as: UInt64.self) }
        driver.numbers.append(UInt(number))
        let request = UnsafeRawBufferPointer(
            start: UnsafeRawPointer(bitPattern: UInt(word(0))), count: Int(word(1)))
        driver.requests.append(Array(request))
        if !driver.failures.isEmpty, let failure = driver.failures.removeFirst() {
            // An error may come after the length was written.
            message.storeBytes(of: 1, toByteOffset: 24, as: UInt64.self)
            errno = failure
            return -1
        }
        guard let place = UnsafeMutableRawPointer(bitPattern: UInt(word(2))), driver.answer.count <= Int(word(3)) else {
            errno = EMSGSIZE
            return -1
        }
        place.copyMemory(from: driver.answer, byteCount: driver.answer.count)
        message.storeBytes(
            of: driver.claimedLength ?? UInt64(driver.answer.count), toByteOffset: 24, as: UInt64.self)
        return 0
    }
}

@Suite("The device of the Nitro security module", .serialized)
struct NitroDeviceTests {
    /// Any file that opens: the model of the driver does not look at it.
    private let device = NitroDevice(path: "/dev/null", call: model)

    private func install(_ made: Driver) { driver.withLock { $0 = made } }

    @Test("The ioctl number and the layout of its argument match the kernel's nsm.h")
    func layout() {
        // _IOWR(0x0A, 0, struct nsm_raw): read and write, 32 bytes, type 0x0A, number 0.
        #expect(cnitro_request_number == 0xC020_0A00)
        #expect(MemoryLayout<cnitro_message>.size == 32)
        #expect(MemoryLayout<cnitro_message>.offset(of: \.response.length) == 24)
    }

    @Test("A request reaches the driver unchanged, and the response has the length that the driver wrote")
    func exchange() throws {
        install(Driver(answer: [1, 2, 3]))
        #expect(try device.exchange([7, 8], limit: 10) == [1, 2, 3])
        install(Driver(answer: []))
        #expect(try device.exchange([], limit: 10) == [])
        install(Driver(answer: [UInt8](repeating: 5, count: 10)))
        #expect(try device.exchange([9], limit: 10).count == 10)
        driver.withLock {
            #expect($0.requests == [[9]])
            #expect($0.numbers == [0xC020_0A00])
        }
    }

    @Test("An interrupted call is repeated with the whole buffer")
    func interrupted() throws {
        install(Driver(failures: [EINTR, EINTR], answer: [4, 5]))
        #expect(try device.exchange([1], limit: 10) == [4, 5])
        driver.withLock { #expect($0.requests == [[1], [1], [1]]) }
    }

    @Test("A failing call, a response that is too long, and a wrong length are errors")
    func failures() {
        for failure in [EIO, EINVAL, ENOTTY, ETIMEDOUT] {
            install(Driver(failures: [failure], answer: [1]))
            #expect(throws: KernelError(failure)) { try device.exchange([1], limit: 10) }
        }
        install(Driver(answer: [UInt8](repeating: 0, count: 11)))
        #expect(throws: KernelError(EMSGSIZE)) { try device.exchange([1], limit: 10) }
        for length in [11, UInt64(UInt32.max) + 1, .max] {
            install(Driver(answer: [1], claimedLength: length))
            #expect(throws: KernelError(EPROTO)) { try device.exchange([1], limit: 10) }
        }
        install(Driver())
        #expect(throws: KernelError(ENOENT)) {
            try NitroDevice(path: "/nonexistent/nsm", call: model).exchange([1], limit: 10)
        }
        driver.withLock { #expect($0.requests == []) }
    }
}
